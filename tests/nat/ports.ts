// Which ports a host of the lab has open.
import assert from "node:assert/strict";
import type { LabHost, NatLab } from "./lab.ts";

/** The open ports of a host as `HOST/tcp/PORT`, from where somebody outside could try them. */
export async function openPorts(lab: NatLab, host: LabHost): Promise<string[]> {
  const { status, stdout, stderr } = await lab.start(host.name, ["ss", "-Hlntu"]).ended;
  assert.equal(status, 0, stderr);
  // tcp LISTEN 0 511 *:4470 *:*
  const rows = stdout.matchAll(/^(tcp|udp)\s+\S+\s+\d+\s+\d+\s+(\S+):(\d+)\s/gm);
  const targets = [...rows]
    .filter(([, , address = ""]) => !/^(127\.|\[::1\])/.test(address))
    .map(([, protocol, , port]) => `${host.publicAddress}/${protocol}/${port}`);
  return [...new Set(targets)];
}
