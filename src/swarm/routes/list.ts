import { LIST_PAGE_MAX } from "../../base/limits.ts";
import { jsonAnswer, queryCount, queryId, type Route } from "./route.ts";

/** `GET /list?after=&limit=`: ids of the shards held for the asker's account, ordered, as
 * `{"ids": […], "more": boolean}`. */
export const getList: Route = ({ holder, askers }, request) => {
  const asker = askers.askerOf(request);
  const limit = queryCount(request, "limit", LIST_PAGE_MAX);
  // One more than asked for tells whether there is a next page.
  const ids = holder.list(asker, queryId(request, "after"), limit + 1);
  return jsonAnswer(200, { ids: ids.slice(0, limit), more: ids.length > limit });
};
