import { utf8 } from "../../base/bytes.ts";
import { NAME_MAX_BYTES } from "../../base/limits.ts";
import { VolumeError } from "../error.ts";

/** A place in a volume. */
export interface VolumePath {
  volume: string;
  /** The names from the root down; none for the root itself. */
  names: Uint8Array[];
  /** As the user would write it, without the volume. */
  text: string;
}

export const HOME_VOLUME = "home";

/** Reads `/a/b` (in the volume `home`) or `volume:/a/b`. Repeated and trailing slashes count once.
 * @throws VolumeError PATH_MALFORMED | VOLUME_UNKNOWN */
export function parseVolumePath(text: string): VolumePath {
  const [, volume = HOME_VOLUME, path = ""] = /^(?:([^/:]+):)?(.*)$/su.exec(text) ?? [];
  if (!path.startsWith("/")) {
    throw new VolumeError("PATH_MALFORMED", `remote path ${quote(text)} does not begin with /`, {
      hint: "write it as /folder/file, or volume:/folder/file",
    });
  }
  if (volume !== HOME_VOLUME) {
    throw new VolumeError("VOLUME_UNKNOWN", `there is no volume ${quote(volume)}`, {
      hint: `the volume of this home is ${HOME_VOLUME}`,
    });
  }
  const parts = path.split("/").filter((part) => part !== "");
  const names = parts.map((part) => {
    const name = utf8(part);
    if (part === "." || part === ".." || part.includes("\0") || name.length > NAME_MAX_BYTES) {
      throw new VolumeError("PATH_MALFORMED", `remote path ${quote(text)} has an impossible name`, {
        hint: "names have 1 to 255 bytes, and . and .. are none",
      });
    }
    return name;
  });
  return { volume, names, text: `/${parts.join("/")}` };
}

/** A text as it is shown in messages: quoted, control characters escaped. */
export function quote(text: string): string {
  return JSON.stringify(text);
}
