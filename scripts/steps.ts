// The steps of `npm test`, in order. `npm test -- unit e2e` runs some of them, `npm test -- FILE …`
// test files. On a developer's machine the first step that fails ends the run; in CI all of them
// run, so that one run shows everything. The status is that of the first step that failed.
import { spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { provideNatTools } from "./nat-tools.ts";
import { root } from "./node.mjs";

interface Step {
  name: string;
  /** A program of node_modules/.bin with its arguments, or globs of test files. */
  run: { tool: readonly string[] } | TestRun;
  /** Whether it is left out unless it is named. */
  byNameOnly?: boolean;
  /** Sets up what only this step needs. */
  before?: () => void;
}
interface TestRun {
  tests: readonly string[];
  /** How many files run at once, 1 if not given. */
  filesAtOnce?: number;
  env?: Readonly<Record<string, string>>;
  timeoutMs?: number;
}

const TIDY = ["tests/tidy.test.ts", "tests/errors-doc.test.ts", "tests/tidy/*.test.ts"];
const PACKAGE = ["tests/package.test.ts"];
const NAT = ["tests/nat/*.test.ts"];
/** Longest that one test may take. */
const TEST_TIMEOUT_MS = 240_000;
/** Of one file of the NAT lab, whose tests have limits of their own. */
const NAT_TIMEOUT_MS = 900_000;

const ci = isSet("CI");
/** The system's packages are installed where a machine is there for tests, or when asked. */
const natTools = (): void => provideNatTools(ci || isSet("HOLDFAST_INSTALL"));

const STEPS: readonly Step[] = [
  { name: "format", run: { tool: ["oxfmt", "--check"] } },
  { name: "lint", run: { tool: ["oxlint"] } },
  { name: "types", run: { tool: ["tsc", "-p", "."] } },
  { name: "tidy", run: { tests: TIDY } },
  {
    name: "unit",
    run: {
      tests: ["{src,bench,sim,scripts}/**/*.test.ts", "tests/*.test.ts"],
      filesAtOnce: availableParallelism(),
    },
  },
  { name: "package", run: { tests: PACKAGE } },
  { name: "e2e", run: { tests: ["tests/{e2e,accept,sweeps}/**/*.test.ts"] } },
  {
    name: "nat",
    before: natTools,
    run: { tests: NAT, filesAtOnce: availableParallelism(), timeoutMs: NAT_TIMEOUT_MS },
  },
  {
    name: "nat-all",
    byNameOnly: true,
    before: natTools,
    run: { tests: NAT, env: { HOLDFAST_NAT: "all" }, timeoutMs: 3600 * 1000 },
  },
  {
    name: "sweeps",
    byNameOnly: true,
    run: {
      tests: ["tests/{e2e,sweeps}/**/*kill*.test.ts"],
      env: { HOLDFAST_KILLS: "1000" },
      timeoutMs: 4 * 3600 * 1000,
    },
  },
];

/** Counts as node's test runner names them. */
type Counts = Record<string, number>;
const SHOWN = ["tests", "suites", "passed", "failed", "cancelled", "skipped", "todo"] as const;
const WORDS: Record<string, string> = { passed: "pass", failed: "fail" };

const total: Counts = {};

function isSet(name: string): boolean {
  return !["", "0", "false"].includes(process.env[name] ?? "");
}

/** Runs a program of ours with the pinned Node first in the path; resolves to its exit status. */
async function exec(command: string, args: readonly string[], more = {}): Promise<number> {
  const bins = [dirname(process.execPath), join(root, "node_modules", ".bin"), process.env["PATH"]];
  const env: NodeJS.ProcessEnv = { ...process.env, ...more, PATH: bins.join(delimiter) };
  // Neither the user's own home nor a surrounding test run may leak into the tests.
  delete env["HOLDFAST_HOME"];
  delete env["NODE_TEST_CONTEXT"];
  const child = spawn(command, args, { cwd: root, env, stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (status) => {
      resolve(status ?? 1);
    });
  });
}

/** Runs test files, some at once, and adds up what they counted. No files is a success. */
async function runTests(files: readonly string[], how: Omit<TestRun, "tests">): Promise<number> {
  if (files.length === 0) return 0;
  const folder = mkdtempSync(join(tmpdir(), "holdfast-counts-"));
  const report = join(folder, "counts.json");
  const options = [
    "--disable-warning=ExperimentalWarning",
    "--test",
    `--test-concurrency=${how.filesAtOnce ?? 1}`,
    `--test-timeout=${how.timeoutMs ?? TEST_TIMEOUT_MS}`,
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    "--test-reporter=./scripts/counts.ts",
    `--test-reporter-destination=${report}`,
  ];
  try {
    const status = await exec(process.execPath, [...options, ...files], how.env);
    const counts = JSON.parse(readFileSync(report, "utf8")) as Counts;
    for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
    return status;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The test files of a step; those that a step of their own has are left out of wider globs. */
function filesOf(globs: readonly string[]): string[] {
  const own = new Set(globSync([...TIDY, ...PACKAGE], { cwd: root }));
  const wide = globs !== TIDY && globs !== PACKAGE;
  return globSync([...globs], { cwd: root })
    .filter((file) => !wide || !own.has(file))
    .toSorted();
}

/** Runs one step under a headline; resolves to its exit status. */
async function runStep({ name, run, before }: Step): Promise<number> {
  console.log(`\n── ${name} ${"─".repeat(60 - name.length)}`);
  before?.();
  if ("tests" in run) return runTests(filesOf(run.tests), run);
  const [tool = "", ...args] = run.tool;
  return exec(tool, args);
}

/** Runs steps and prints what became of each; the status of the first that failed. */
async function runSteps(steps: readonly Step[]): Promise<number> {
  const lines: string[] = [];
  let first = 0;
  for (const step of steps) {
    const started = performance.now();
    const status = first !== 0 && !ci ? undefined : await runStep(step);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    if (status === undefined) lines.push(`- ${step.name} (not run)`);
    else lines.push(`${status === 0 ? "✔" : "✖"} ${step.name} (${seconds} s)`);
    if (first === 0) first = status ?? 0;
  }
  console.log(`\n${lines.join("\n")}`);
  return first;
}

const wanted = process.argv.slice(2);
const named = STEPS.filter((step) => wanted.includes(step.name));
const files = wanted.filter((word) => !STEPS.some((step) => step.name === word));
const started = performance.now();
const status =
  files.length > 0
    ? await runTests(files, {})
    : await runSteps(
        named.length > 0 ? named : STEPS.filter(({ byNameOnly }) => byNameOnly !== true),
      );
for (const name of SHOWN) console.log(`ℹ ${WORDS[name] ?? name} ${total[name] ?? 0}`);
console.log(`ℹ duration_ms ${Math.round(performance.now() - started)}`);
process.exitCode = status;
