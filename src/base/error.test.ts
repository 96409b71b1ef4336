import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assert as state, InvariantError } from "./assert.ts";
import { HoldfastError, codeOf, messageOf } from "./error.ts";

class ExampleError extends HoldfastError<"EXAMPLE_BROKEN"> {}

describe("errors", () => {
  test("an error has its class's name, code, message, cause and hint", () => {
    const cause = new Error("below");
    const error = new ExampleError("EXAMPLE_BROKEN", "it broke", { cause, hint: "mend it" });
    assert.equal(error.name, "ExampleError");
    assert.equal(error.code, "EXAMPLE_BROKEN");
    assert.equal(error.message, "it broke");
    assert.equal(error.cause, cause);
    assert.equal(error.hint, "mend it");
    assert.equal("cause" in new ExampleError("EXAMPLE_BROKEN", "it broke"), false);
  });

  test("codeOf() and messageOf() take anything that was thrown", () => {
    assert.equal(codeOf(new ExampleError("EXAMPLE_BROKEN", "it broke")), "EXAMPLE_BROKEN");
    assert.equal(codeOf(Object.assign(new Error("no"), { code: "ENOENT" })), "ENOENT");
    for (const thrown of [undefined, null, "text", 5, {}, { code: 5 }, new Error("plain")]) {
      assert.equal(codeOf(thrown), undefined);
    }
    assert.equal(messageOf(new Error("plain")), "plain");
    assert.equal(messageOf("text"), "text");
  });

  test("assert() throws an invariant's name where it is broken", () => {
    assert.doesNotThrow(() => state(true, "all is well"));
    assert.throws(
      () => state(0, "zero is one"),
      (error: unknown) =>
        error instanceof InvariantError && error.message === "invariant broken: zero is one",
    );
  });
});
