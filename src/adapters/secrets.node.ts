import { chmod, open, readdir, rename, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "../base/assert.ts";
import { codeOf, messageOf } from "../base/error.ts";
import { SECRET_MAX_BYTES, SECRET_NAME } from "../base/limits.ts";
import type { Secrets } from "../ports/secrets.ts";
import { SecretsError } from "./error.ts";
import type { SecretsCode } from "./error.ts";
import { makeFolder } from "./make-folder.node.ts";

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** Secrets as files of one folder, which is made if it is missing and closed to other users.
 * @throws SecretsError SECRET_UNWRITABLE */
export async function openSecrets(folder: string): Promise<Secrets> {
  await coded("SECRET_UNWRITABLE", folder, async () => {
    makeFolder(folder, FOLDER_MODE);
    await chmod(folder, FOLDER_MODE);
  });
  return {
    read: async (name) => await coded("SECRET_UNREADABLE", pathOf(folder, name), readSecret),
    write: async (name, value) => {
      assert(value.length <= SECRET_MAX_BYTES, "a secret is small");
      const path = pathOf(folder, name);
      await coded("SECRET_UNWRITABLE", path, async () => await writeSecret(folder, path, value));
    },
    list: async () => {
      const names = await coded("SECRET_UNREADABLE", folder, async () => await readdir(folder));
      return names.filter((name) => SECRET_NAME.test(name)).sort();
    },
  };
}

function pathOf(folder: string, name: string): string {
  assert(SECRET_NAME.test(name), "a secret's name is made by us");
  return join(folder, name);
}

async function readSecret(path: string): Promise<Uint8Array | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const bytes = new Uint8Array(SECRET_MAX_BYTES + 1);
    let lengthBytes = 0;
    for (;;) {
      const { bytesRead } = await file.read(bytes, lengthBytes, bytes.length - lengthBytes, null);
      lengthBytes += bytesRead;
      if (bytesRead === 0 || lengthBytes === bytes.length) break;
    }
    if (lengthBytes === bytes.length) throw new RangeError(`over ${SECRET_MAX_BYTES} bytes`);
    return bytes.slice(0, lengthBytes);
  } finally {
    await file.close();
  }
}

/** Temporary name → fsync → rename → fsync of the folder. The temporary name begins with a dot, so
 * that what a crash leaves behind is no secret's name; the next write of the same name replaces
 * it. */
async function writeSecret(folder: string, path: string, value: Uint8Array): Promise<void> {
  const temporary = join(folder, `.${path.slice(folder.length + 1)}.new`);
  await rm(temporary, { force: true });
  const file = await open(temporary, "wx", FILE_MODE);
  try {
    await file.writeFile(value);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const directory = await open(folder, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function coded<T>(
  code: SecretsCode,
  path: string,
  work: (path: string) => Promise<T>,
): Promise<T> {
  try {
    return await work(path);
  } catch (cause) {
    throw new SecretsError(code, `${path}: ${messageOf(cause)}`, {
      cause,
      hint: "check that this user owns the keys folder and that the disk works",
    });
  }
}
