import { idBytes, type Id } from "../base/id.ts";
import { decodeRecord, recordSignedBytes, type RecordEntry } from "../codec/record.ts";
import { verify } from "../crypto/sign.node.ts";
import { SwarmError } from "./error.ts";

/** Opens a record that anybody may have sent: form, key and signature are checked.
 * @throws SwarmError RECORD_FORGED; CodecError */
export function openRecord(bytes: Uint8Array, key: Id): RecordEntry {
  const record = decodeRecord(bytes);
  const signed =
    record.key === key &&
    verify("record", idBytes(key), recordSignedBytes(record), record.signature);
  if (!signed) throw new SwarmError("RECORD_FORGED", `record ${key}: not signed by its key`);
  return record;
}
