/** Reading anew what something happened to. */

import type { QueryClient, QueryKey } from "@tanstack/react-query";

/** If it is shown; `later`: what is kept of it is old, and is read once it is shown or somebody looks. */
export function readAgain(client: QueryClient, queryKey: QueryKey, later = false): void {
  // What is read for the first time is not asked for anew meanwhile; its answer may be from before.
  const first = client.getQueryCache().findAll({ queryKey, fetchStatus: "fetching", predicate: ({ state }) => !state.data });
  for (const query of first) void query.promise?.then(() => readAgain(client, query.queryKey, later), () => undefined);
  void client.invalidateQueries({ queryKey, refetchType: later ? "none" : "active" });
}
