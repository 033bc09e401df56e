/** The tasks that open arrays show: those at work and those that ended last, read anew when the array moved. */

import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { api } from "@/api/client";
import type { JobColumns } from "@/api/types";
import { type JobRow, rowsOf } from "./rows";

const SHOWN = 50;

export function useTasksOf(rows: readonly JobRow[], open: ReadonlySet<string>): ReadonlyMap<number, readonly JobRow[]> {
  const arrays = useMemo(
    () => (open.size === 0 ? [] : rows.filter((row) => row.array !== null && open.has(String(row.id)))),
    [rows, open],
  );
  const found = useQueries({
    queries: arrays.map((row) => ({
      queryKey: ["tasks-of", row.id, JSON.stringify(row.array?.[2])],
      queryFn: async ({ signal }: { signal: AbortSignal }) =>
        rowsOf(await api.get<JobColumns>("/v1/tables/list", { array: row.id, limit: SHOWN }, signal)),
      placeholderData: (before: JobRow[] | undefined) => before,
    })),
  });
  const told = found.map((query) => query.data);
  return useMemo(
    () => new Map(arrays.map((row, at) => [row.id, told[at] ?? []])),
    // The answers are the same objects until they are other ones.
    [arrays, ...told],
  );
}
