import type { Command } from "commander";

/** The file of one command: it adds arguments, options, examples and the action. */
export interface CommandFile {
  configure(command: Command): void;
}

interface CommandEntry {
  summary: string;
  load: () => Promise<CommandFile>;
}

/** Every command. The files are loaded only when their command is called or its help is asked
 * for. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  demo: {
    summary: "run a whole swarm on this machine and do the main job with it",
    load: () => import("./command/demo.ts"),
  },
  init: {
    summary: "make a home: keys, account, settings",
    load: () => import("./command/init.ts"),
  },
  config: {
    summary: "show or change the configuration",
    load: () => import("./command/config.ts"),
  },
  up: { summary: "start the daemon", load: () => import("./command/up.ts") },
  down: { summary: "stop the daemon", load: () => import("./command/down.ts") },
  status: {
    summary: "say whether everything is safe, and why not",
    load: () => import("./command/status.ts"),
  },
  logs: { summary: "show what the daemon has logged", load: () => import("./command/logs.ts") },
  peers: {
    summary: "list the known peers; add or forget some",
    load: () => import("./command/peers.ts"),
  },
  invite: {
    summary: "make a string with which others join this home's swarm",
    load: () => import("./command/invite.ts"),
  },
  join: {
    summary: "join the swarm of an invitation",
    load: () => import("./command/join.ts"),
  },
  swarm: {
    summary: "show, make, re-key or leave a swarm",
    load: () => import("./command/swarm.ts"),
  },
  tracker: {
    summary: "run a peer that answers who has what, and helps others to meet",
    load: () => import("./command/tracker.ts"),
  },
  doctor: {
    summary: "say what works on this machine and its network, and what does not",
    load: () => import("./command/doctor.ts"),
  },
  put: { summary: "store a file or a folder", load: () => import("./command/put.ts") },
  get: { summary: "fetch a file or a folder", load: () => import("./command/get.ts") },
  ls: { summary: "list what is stored", load: () => import("./command/ls.ts") },
  rm: { summary: "remove a path in a new snapshot", load: () => import("./command/rm.ts") },
  mv: { summary: "rename a path in a new snapshot", load: () => import("./command/mv.ts") },
  history: { summary: "list the snapshots", load: () => import("./command/history.ts") },
  scrub: {
    summary: "check the bytes that are kept for others",
    load: () => import("./command/scrub.ts"),
  },
  upload: { summary: "store a path and print its id", load: () => import("./command/upload.ts") },
  download: { summary: "fetch by content id", load: () => import("./command/download.ts") },
  list: { summary: "list what was uploaded, with ids", load: () => import("./command/list.ts") },
  service: {
    summary: "run the daemon as a systemd service of this user",
    load: () => import("./command/service.ts"),
  },
};
