import { LIST_PAGE_MAX } from "../../base/limits.ts";
import { jsonAnswer, queryCount, queryId, type Route } from "./route.ts";

/** A holder lists LIST_PAGE_MAX at most; one of them tells whether there is a next page. */
const PAGE_MAX = LIST_PAGE_MAX - 1;

/** `GET /list?after=&limit=`: ids of the shards held for the asker's account, in the order of their
 * bytes, as `{"ids": […], "more": boolean}`. */
export const getList: Route = ({ holder, askers }, request) => {
  const asker = askers.askerOf(request);
  const limit = Math.max(1, queryCount(request, "limit", PAGE_MAX));
  const ids = holder.list(asker, queryId(request, "after"), limit + 1);
  return jsonAnswer(200, { ids: ids.slice(0, limit), more: ids.length > limit });
};
