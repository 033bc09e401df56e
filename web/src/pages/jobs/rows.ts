/** Very many jobs in memory: read by column, kept newest first, patched one by one as they move. Pure. */

import type { JobColumns, JobState } from "@/api/types";
import { hasEnded } from "@/state/jobstate";

/** Size, how many wait, and how many of the others are in each state. */
export type ArrayCounts = [size: number, waiting: number, counts: Partial<Record<JobState, number>>];

export interface JobRow {
  id: number;
  name: string;
  user: string;
  kind: string;
  state: JobState;
  partition: string;
  group: string | null;
  submitted_at: number;
  started_at: number | null;
  ended_at: number | null;
  limit_s: number | null;
  cpus: number;
  memory_mib: number;
  gpus: number;
  nodes: string | null;
  held: boolean;
  reason_code: string | null;
  reason: string | null;
  cause: string | null;
  exit_code: number | null;
  signal: number | null;
  peak_mib: number | null;
  array: ArrayCounts | null;
  task: [arrayId: number, index: number] | null;
}

export interface RowFilter {
  states: readonly JobState[];
  user?: string;
  partition?: string;
  group?: string;
}

type Short = { of: unknown[]; at: number[] };

/** The rows of an answer of `/v1/tables/list`. */
export function rowsOf(told: JobColumns): JobRow[] {
  const columns = Object.entries(told.columns as Record<string, unknown[] | Short>);
  const rows: Record<string, unknown>[] = Array.from({ length: told.count }, () => ({}));
  for (const [name, column] of columns) {
    const short = Array.isArray(column) ? null : column;
    for (let at = 0; at < rows.length; at++) {
      const row = rows[at];
      if (row) row[name] = short ? short.of[short.at[at] ?? 0] : (column as unknown[])[at];
    }
  }
  return rows as unknown as JobRow[];
}

export function fitsFilter(row: JobRow, filter: RowFilter): boolean {
  return (
    row.task === null &&
    (filter.states.length === 0 || filter.states.includes(row.state)) &&
    (!filter.user || filter.user === row.user) &&
    (!filter.partition || filter.partition === row.partition) &&
    (!filter.group || filter.group === row.group)
  );
}

/** The row after it moved, as far as the event tells; what else changed is read a moment later. */
export function moved(row: JobRow, state: JobState, at: number): JobRow {
  return {
    ...row,
    state,
    started_at: row.started_at ?? (state === "RUNNING" ? at : null),
    ended_at: hasEnded(state) ? (row.ended_at ?? at) : null,
  };
}

/** Both lists as one, newest first; of a job in both the one of `fresh`. Each is in order itself. */
export function merged(rows: readonly JobRow[], fresh: readonly JobRow[]): JobRow[] {
  const result: JobRow[] = [];
  let left = 0;
  let right = 0;
  for (;;) {
    const one = rows[left];
    const other = fresh[right];
    if (one === undefined && other === undefined) return result;
    if (other === undefined || (one !== undefined && one.id > other.id)) {
      result.push(one as JobRow);
      left++;
    } else {
      result.push(other);
      right++;
      if (one !== undefined && one.id === other.id) left++;
    }
  }
}

/** What stands in the row's name column can be found by this. */
export function matchesText(row: JobRow, text: string): boolean {
  if (!text) return true;
  const wanted = text.toLowerCase();
  return (
    String(row.id).startsWith(wanted) ||
    row.name.toLowerCase().includes(wanted) ||
    row.user.toLowerCase() === wanted ||
    (row.group ?? "").toLowerCase().includes(wanted)
  );
}
