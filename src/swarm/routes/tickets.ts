import { decodeWishes, encodeGrants } from "../wire.ts";
import { CBOR, readBody, type Route } from "./route.ts";

/** `POST /v1/tickets`: asks for permission to upload, one ticket a shard. */
export const postTickets: Route = async ({ holder, askers }, request) => {
  const asker = askers.askerOf(request);
  const { wishes, epoch } = decodeWishes(await readBody(request));
  const grants = await holder.reserve(asker, wishes, epoch);
  return { status: 200, headers: CBOR, body: encodeGrants(grants) };
};
