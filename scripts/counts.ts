import type { TestEvent } from "node:test/reporters";

/** Reporter for `node --test`: one line of JSON with the counts of the whole run. */
// The test runner looks for a default export.
// oxlint-disable-next-line import/no-default-export
export default async function* counts(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    // A summary with a file is that file's alone.
    if (event.type === "test:summary" && event.data.file === undefined) {
      yield `${JSON.stringify(event.data.counts)}\n`;
    }
  }
}
