import { HAVE_IDS_MAX } from "../../base/limits.ts";
import { decodeIds, encodeBitmap } from "../wire.ts";
import { readBody, type Route } from "./route.ts";

/** `POST /v1/have`: which of many ids are held for the asker's account, as a bitmap. */
export const postHave: Route = async ({ holder, askers }, request) => {
  const asker = askers.askerOf(request);
  const ids = decodeIds(await readBody(request), HAVE_IDS_MAX);
  const headers = { "content-type": "application/octet-stream" };
  return { status: 200, headers, body: encodeBitmap(holder.has(asker, ids)) };
};
