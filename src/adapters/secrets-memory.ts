import { assert } from "../base/assert.ts";
import { SECRET_MAX_BYTES, SECRET_NAME } from "../base/limits.ts";
import type { Secrets } from "../ports/secrets.ts";

/** Secrets in memory: the twin of the files, for tests and the simulator. */
export function memorySecrets(values: Map<string, Uint8Array> = new Map()): Secrets {
  return {
    read: async (name) => {
      assert(SECRET_NAME.test(name), "a secret's name is made by us");
      return values.get(name)?.slice();
    },
    write: async (name, value) => {
      assert(SECRET_NAME.test(name), "a secret's name is made by us");
      assert(value.length <= SECRET_MAX_BYTES, "a secret is small");
      values.set(name, value.slice());
    },
    list: async () => [...values.keys()].sort(),
  };
}
