import { RECORD_MAX_BYTES } from "../../codec/record.ts";
import { SwarmError } from "../error.ts";
import { encodeKept } from "../wire.ts";
import { CBOR, readBody, type Route } from "./route.ts";

/** `GET /v1/records/<key>`: the record under a key, or both values of a forked one. Any member may
 * ask: records are sealed or public, and signed. */
export const getRecord: Route = ({ records }, _request, key) => {
  const kept = records.get(key);
  if (kept.length === 0) throw new SwarmError("RECORD_MISSING", `record ${key}: not kept here`);
  const body = encodeKept(kept.length > 1 ? "forked" : "kept", kept);
  return { status: 200, headers: CBOR, body };
};

/** `POST /v1/records/<key>`: keeps a record unless there is one with a higher number. */
export const postRecord: Route = async ({ records }, request, key) => {
  const bytes = await readBody(request, RECORD_MAX_BYTES);
  const { outcome, records: kept } = records.put(request.peer, key, bytes);
  return { status: 200, headers: CBOR, body: encodeKept(outcome, kept) };
};
