/** The rows of a filter as a page uses them: kept while somebody may come back to them. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import type { RowFilter } from "./rows";
import { type RowsNow, RowStore } from "./rowstore";

export interface Rows extends RowsNow {
  store: RowStore;
  error: Error | null;
  retry: () => void;
}

const STORES_MAX = 8;
const stores = new Map<string, RowStore>();

/** One store a filter; the one used last is the last to go. */
export function storeOf(filter: RowFilter): RowStore {
  const key = JSON.stringify(filter);
  const store = stores.get(key) ?? new RowStore(filter);
  stores.delete(key);
  stores.set(key, store);
  const [oldest] = stores.keys();
  if (stores.size > STORES_MAX && oldest !== undefined) stores.delete(oldest);
  return store;
}

export function useRows(filter: RowFilter): Rows {
  const client = useQueryClient();
  const store = storeOf(filter);
  // The answer is in the store; the query knows whether it was asked, and asks again when the stream was cut.
  const query = useQuery({
    queryKey: ["joblist", filter],
    queryFn: ({ signal }) => storeOf(filter).load(signal),
    staleTime: 0,
    structuralSharing: false,
  });
  const now = useSyncExternalStore(store.subscribe, store.snapshot);
  const retry = () => void client.invalidateQueries({ queryKey: ["joblist", filter] });
  return { ...now, store, error: now.rows.length === 0 ? query.error : null, retry };
}
