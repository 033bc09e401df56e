/** The tasks of an array as the server tells them: indexes as ranges, and a letter each. Pure. */

import type { JobState, TaskGrid } from "@/api/types";
import { WENT_WRONG } from "@/state/jobstate";

export interface TaskSquare {
  index: number;
  state: JobState;
}

/** `1-9:2,20`: every index in order. */
export function indexesOf(text: string): number[] {
  const found: number[] = [];
  for (const part of text.split(",")) {
    const match = /^(\d+)(?:-(\d+)(?::(\d+))?)?$/.exec(part);
    if (!match) continue;
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    const step = match[3] === undefined ? 1 : Number(match[3]);
    for (let index = first; index <= last; index += step) found.push(index);
  }
  return found;
}

export function squaresOf(grid: TaskGrid): TaskSquare[] {
  if (!grid.states) return [];
  const letters = grid.letters as Record<string, JobState>;
  return indexesOf(grid.indexes).map((index, at) => ({ index, state: letters[grid.states[at] ?? ""] ?? "PENDING" }));
}

/** What went wrong first, then what runs, then what waits, then what is done. */
const ORDER: readonly JobState[] = [
  ...WENT_WRONG,
  "PREEMPTED",
  "RUNNING",
  "STARTING",
  "COMPLETING",
  "SUSPENDED",
  "PENDING",
  "COMPLETED",
  "CANCELLED",
];

export function failedFirst(squares: readonly TaskSquare[]): TaskSquare[] {
  const place = new Map(ORDER.map((state, at) => [state, at]));
  return [...squares].sort((a, b) => (place.get(a.state) ?? 0) - (place.get(b.state) ?? 0) || a.index - b.index);
}

/** The indexes of those that failed, as a submission names them. */
export function failedIndexes(grid: TaskGrid): string {
  const wrong = new Set<JobState>([...WENT_WRONG, "PREEMPTED"]);
  return rangesOf(squaresOf(grid).flatMap(({ index, state }) => (wrong.has(state) ? [index] : [])));
}

function rangesOf(indexes: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < indexes.length; ) {
    let end = at;
    while (indexes[end + 1] === (indexes[end] ?? 0) + 1) end++;
    parts.push(end > at ? `${indexes[at]}-${indexes[end]}` : `${indexes[at]}`);
    at = end + 1;
  }
  return parts.join(",");
}
