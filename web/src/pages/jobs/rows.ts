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
  cluster: string;
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
  cluster?: string;
  group?: string;
}

type Short = { of: unknown[]; at: number[] };

/** The rows of an answer of `/v1/tables/list`. */
export function rowsOf(told: JobColumns): JobRow[] {
  return rowsBetween(told, 0, told.count);
}

/** The same of very many, so that the page goes on meanwhile. */
export async function rowsInPieces(told: JobColumns): Promise<JobRow[]> {
  const rows: JobRow[] = [];
  while (rows.length < told.count) {
    if (rows.length > 0) await new Promise((done) => setTimeout(done));
    for (const row of rowsBetween(told, rows.length, Math.min(told.count, rows.length + PIECE))) rows.push(row);
  }
  return rows;
}

const PIECE = 2000;

function rowsBetween(told: JobColumns, from: number, to: number): JobRow[] {
  const columns = told.columns as Record<string, unknown[] | Short>;
  const reader = <T>(name: string): ((at: number) => T) => {
    const column = columns[name] ?? [];
    if (Array.isArray(column)) return (at) => column[at] as T;
    return (at) => column.of[column.at[at] ?? 0] as T;
  };
  const [id, name, user, kind] = [reader<number>("id"), reader<string>("name"), reader<string>("user"), reader<string>("kind")];
  const cluster = reader<string>("cluster");
  const [state, partition, group] = [reader<JobState>("state"), reader<string>("partition"), reader<string | null>("group")];
  const submitted_at = reader<number>("submitted_at");
  const [started_at, ended_at] = [reader<number | null>("started_at"), reader<number | null>("ended_at")];
  const [limit_s, cpus, memory_mib] = [reader<number | null>("limit_s"), reader<number>("cpus"), reader<number>("memory_mib")];
  const [gpus, nodes, held] = [reader<number>("gpus"), reader<string | null>("nodes"), reader<boolean>("held")];
  const [reason_code, reason] = [reader<string | null>("reason_code"), reader<string | null>("reason")];
  const [cause, exit_code, signal] = [reader<string | null>("cause"), reader<number | null>("exit_code"), reader<number | null>("signal")];
  const [peak_mib, array, task] = [reader<number | null>("peak_mib"), reader<ArrayCounts | null>("array"), reader<JobRow["task"]>("task")];
  const rows: JobRow[] = [];
  // Written out: objects that are made by one expression are made several times as quickly.
  for (let at = from; at < to; at++)
    rows.push({
      id: id(at),
      name: name(at),
      user: user(at),
      kind: kind(at),
      state: state(at),
      partition: partition(at),
      cluster: cluster(at),
      group: group(at),
      submitted_at: submitted_at(at),
      started_at: started_at(at),
      ended_at: ended_at(at),
      limit_s: limit_s(at),
      cpus: cpus(at),
      memory_mib: memory_mib(at),
      gpus: gpus(at),
      nodes: nodes(at),
      held: held(at),
      reason_code: reason_code(at),
      reason: reason(at),
      cause: cause(at),
      exit_code: exit_code(at),
      signal: signal(at),
      peak_mib: peak_mib(at),
      array: array(at),
      task: task(at),
    });
  return rows;
}

/** The row that is known, where the fresh one says the same: what did not change is not drawn anew. */
export function knownOr(known: JobRow | undefined, fresh: JobRow): JobRow {
  if (known === undefined) return fresh;
  for (const name of Object.keys(fresh) as (keyof JobRow)[]) {
    const one = known[name];
    const other = fresh[name];
    // Counts of arrays and places of tasks are lists.
    if (one !== other && (typeof other !== "object" || JSON.stringify(one) !== JSON.stringify(other))) return fresh;
  }
  return known;
}

export function fitsFilter(row: JobRow, filter: RowFilter): boolean {
  return (
    row.task === null &&
    (filter.states.length === 0 || filter.states.includes(row.state)) &&
    (!filter.user || filter.user === row.user) &&
    (!filter.partition || filter.partition === row.partition) &&
    (!filter.cluster || filter.cluster === row.cluster) &&
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
