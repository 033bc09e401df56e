/** Jobs of one group fold into one line, an array into its record; lines that are open show what is in them. */

import type { JobState } from "@/api/types";
import type { Segment } from "@/components";
import { LOOKS, WENT_WRONG } from "@/state/jobstate";
import type { JobRow } from "./rows";

export interface JobLine {
  kind: "job";
  key: string;
  row: JobRow;
  depth: number;
  open: boolean;
}

export interface GroupLine {
  kind: "group";
  key: string;
  group: string;
  rows: JobRow[];
  open: boolean;
  depth: number;
}

/** Under an open array: its tasks are on its own page. */
export interface MoreLine {
  kind: "more";
  key: string;
  row: JobRow;
  depth: number;
}

export type Line = JobLine | GroupLine | MoreLine;

export const groupKey = (group: string): string => `group:${group}`;

/** The lines of a list. A group stands where its newest job is. `tasks` are those of open arrays. */
export function linesOf(
  rows: readonly JobRow[],
  open: ReadonlySet<string>,
  folds: boolean,
  tasks: ReadonlyMap<number, readonly JobRow[]>,
): Line[] {
  const groups = folds ? membersOf(rows) : new Map<string, JobRow[]>();
  const lines: Line[] = [];
  const told = new Set<string>();
  for (const row of rows) {
    const members = row.group === null ? undefined : groups.get(row.group);
    if (row.group === null || members === undefined || members.length < 2) push(lines, row, 0, open, tasks);
    else if (!told.has(row.group)) {
      told.add(row.group);
      const key = groupKey(row.group);
      lines.push({ kind: "group", key, group: row.group, rows: members, open: open.has(key), depth: 0 });
      if (open.has(key)) for (const member of members) push(lines, member, 1, open, tasks);
    }
  }
  return lines;
}

const kept = [new WeakMap<JobRow, JobLine>(), new WeakMap<JobRow, JobLine>(), new WeakMap<JobRow, JobLine>()];

/** The same line as long as the row is the same: what did not change is not drawn anew. */
function lineOf(row: JobRow, depth: number): JobLine {
  const known = kept[depth]?.get(row);
  if (known) return known;
  const line: JobLine = { kind: "job", key: String(row.id), row, depth, open: false };
  kept[depth]?.set(row, line);
  return line;
}

function membersOf(rows: readonly JobRow[]): Map<string, JobRow[]> {
  const groups = new Map<string, JobRow[]>();
  for (const row of rows) {
    if (row.group === null) continue;
    const members = groups.get(row.group);
    if (members) members.push(row);
    else groups.set(row.group, [row]);
  }
  return groups;
}

function push(
  lines: Line[],
  row: JobRow,
  depth: number,
  open: ReadonlySet<string>,
  tasks: ReadonlyMap<number, readonly JobRow[]>,
): void {
  const isOpen = row.array !== null && open.has(String(row.id));
  if (!isOpen) {
    lines.push(lineOf(row, depth));
    return;
  }
  const key = String(row.id);
  lines.push({ kind: "job", key, row, depth, open: true });
  for (const task of tasks.get(row.id) ?? [])
    lines.push(lineOf(task, depth + 1));
  lines.push({ kind: "more", key: `more:${key}`, row, depth: depth + 1 });
}

/** How many tasks of an array are in which state, in the order in which a bar shows them. */
export function countsOf(row: JobRow): Partial<Record<JobState, number>> {
  if (row.array === null) return { [row.state]: 1 };
  const [, waiting, counts] = row.array;
  return waiting > 0 ? { ...counts, PENDING: (counts.PENDING ?? 0) + waiting } : counts;
}

export function countsOfAll(rows: readonly JobRow[]): Partial<Record<JobState, number>> {
  const sum: Partial<Record<JobState, number>> = {};
  for (const row of rows)
    for (const [state, count] of Object.entries(countsOf(row)) as [JobState, number][])
      sum[state] = (sum[state] ?? 0) + count;
  return sum;
}

/** Done, at work, waiting, cancelled, failed: as parts of one bar. */
export function segmentsOf(counts: Partial<Record<JobState, number>>): Segment[] {
  const sum = (states: readonly JobState[]) => states.reduce((total, state) => total + (counts[state] ?? 0), 0);
  return [
    { tone: "done", count: sum(["COMPLETED"]), word: LOOKS.COMPLETED.word },
    { tone: "running", count: sum(["STARTING", "RUNNING", "COMPLETING"]), word: LOOKS.RUNNING.word },
    { tone: "pending", count: sum(["PENDING", "SUSPENDED"]), word: LOOKS.PENDING.word },
    { tone: "muted", count: sum(["CANCELLED", "PREEMPTED"]), word: LOOKS.CANCELLED.word },
    { tone: "failed", count: sum(WENT_WRONG), word: LOOKS.FAILED.word },
  ];
}
