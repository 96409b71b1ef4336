// Ports that a real router opens: miniupnpd, with UPnP and NAT-PMP, in network namespaces.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { whyNoLab } from "./lab.ts";

const DAEMON = "/usr/sbin/miniupnpd";
const CLIENT = join(import.meta.dirname, "router-client.ts");
const [home, router, outside] = ["home", "router", "pub"].map((name) => `hl${process.pid}-${name}`);
assert.ok(home && router && outside);
const why = whyNoLab();
const skip = why === false && !existsSync(DAEMON) ? `needs ${DAEMON}` : why;

/** The router's own tables, into which miniupnpd writes. */
const RULES = `
table inet filter {
  chain miniupnpd { }
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "lan0" accept
    jump miniupnpd
  }
}
table inet nat0 {
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
  chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
  chain postrouting {
    type nat hook postrouting priority 100;
    jump postrouting_miniupnpd
    oifname "wan0" masquerade
  }
}`;
/** Test networks will not do outside: miniupnpd takes them for those behind another router. */
const SETTINGS = `ext_ifname=wan0
listening_ip=lan0
port=0
enable_natpmp=yes
enable_upnp=yes
secure_mode=yes
uuid=00000000-0000-0000-0000-000000000077
allow 1024-65535 10.77.0.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
upnp_table_name=filter
upnp_nat_table_name=nat0
upnp_forward_chain=miniupnpd
upnp_nat_chain=prerouting_miniupnpd
upnp_nat_postrouting_chain=postrouting_miniupnpd
`;

function run(command: string, input?: string): string {
  const [program = "", ...args] = command.split(" ");
  const ran = spawnSync(program, args, {
    encoding: "utf8",
    ...(input === undefined ? {} : { input }),
  });
  assert.equal(ran.status, 0, `${command}: ${ran.stderr}`);
  return ran.stdout;
}

function build(): void {
  for (const name of [home, router, outside]) {
    run(`ip netns add ${name}`);
    run(`ip -n ${name} link set lo up`);
  }
  run(`ip link add h0 netns ${home} type veth peer name lan0 netns ${router}`);
  run(`ip link add p0 netns ${outside} type veth peer name wan0 netns ${router}`);
  const places = [
    ["10.77.0.2", "h0", home],
    ["10.77.0.1", "lan0", router],
    ["11.0.0.1", "wan0", router],
    ["11.0.0.2", "p0", outside],
  ];
  for (const [address, link, name] of places) {
    run(`ip -n ${name} addr add ${address}/24 dev ${link}`);
    run(`ip -n ${name} link set ${link} up`);
  }
  run(`ip -n ${home} route add default via 10.77.0.1`);
  run(`ip netns exec ${router} sysctl -qw net.ipv4.ip_forward=1`);
  run(`ip netns exec ${router} nft -f -`, RULES);
}

const folder = mkdtempSync(join(tmpdir(), "holdfast-router-"));
let daemon: ReturnType<typeof spawn> | undefined;

before(async () => {
  if (skip !== false) return;
  build();
  const settings = join(folder, "miniupnpd.conf");
  writeFileSync(settings, SETTINGS);
  const args = ["-d", "-f", settings, "-P", join(folder, "pid")];
  daemon = spawn("ip", ["netns", "exec", router, DAEMON, ...args]);
  let said = "";
  for (const stream of [daemon.stdout, daemon.stderr]) {
    stream?.on("data", (text: Buffer) => (said += text.toString()));
  }
  while (!said.includes("Listening for NAT-PMP")) {
    assert.equal(daemon.exitCode, null, said);
    await Promise.race([once(daemon.stderr ?? daemon, "data"), once(daemon, "exit")]);
  }
});

after(async () => {
  if (daemon !== undefined && daemon.exitCode === null) {
    daemon.kill();
    await once(daemon, "exit");
  }
  if (skip === false) for (const name of [home, router, outside]) run(`ip netns del ${name}`);
  rmSync(folder, { recursive: true });
});

/** What a host outside reads from a TCP port of the router. */
function readOutside(): string {
  const script = `require("net").connect(4242, "11.0.0.1").setTimeout(1000, process.exit)
    .on("error", () => process.exit()).pipe(process.stdout)`;
  const args = ["netns", "exec", outside ?? "", process.execPath, "-e", script];
  return spawnSync("ip", args, { encoding: "utf8", timeout: 10_000 }).stdout;
}

for (const way of ["nat-pmp", "upnp"]) {
  test(`a router opens ports by ${way}, and closes them at the end`, { skip }, async () => {
    assert.equal(readOutside(), "", "the router lets nobody in");
    const client = spawn("ip", ["netns", "exec", home, process.execPath, CLIENT, way]);
    let said = "";
    client.stderr.on("data", (text: Buffer) => (said += text.toString()));
    const [line] = (await once(client.stdout, "data")) as [Buffer];
    const external = "11.0.0.1";
    assert.deepEqual(
      JSON.parse(line.toString()),
      [
        { protocol: "tcp", port: 4242, external: `${external}:4242` },
        { protocol: "udp", port: 4243, external: `${external}:4243` },
        { protocol: "udp", port: 4244, external: `${external}:4244` },
      ],
      said,
    );
    assert.equal(readOutside(), "here");
    client.stdin.end();
    assert.deepEqual(await once(client, "exit"), [0, null]);
    const rules = run(`ip netns exec ${router} nft list ruleset`);
    assert.equal(/dnat/.test(rules), false, rules);
  });
}
