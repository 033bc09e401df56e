/** A row in words: how long, how much, why or with which result. Pure. */

import { memory, resources } from "@/state/format";
import { hasEnded } from "@/state/jobstate";
import { countsOf, countsOfAll, segmentsOf } from "./fold";
import type { JobRow } from "./rows";

/** Seconds it waits, runs or ran. */
export function timeOf(row: JobRow, now: number): number | null {
  const begun = row.started_at ?? (hasEnded(row.state) ? null : row.submitted_at);
  return begun === null ? null : (row.ended_at ?? now / 1000) - begun;
}

export function leftOf(row: JobRow, now: number): number | null {
  if (row.started_at === null || row.ended_at !== null || row.limit_s === null || row.array) return null;
  return row.started_at + row.limit_s - now / 1000;
}

export function askedOf(row: JobRow): string {
  const asked = resources({ cpus: row.cpus, memory_mib: row.memory_mib, gpus: row.gpus, nodes: 1 });
  return row.array ? `${row.array[0].toLocaleString("en")} × ${asked}` : asked;
}

/** Why it waits, or how it ended; of an array what its tasks do. */
export function whyOf(row: JobRow): string {
  if (row.array) return tally(row);
  if (row.state === "PENDING") return row.held ? "held" : short(row.reason ?? "");
  if (row.state === "OUT_OF_MEMORY" && row.peak_mib !== null)
    return `peak ${memory(row.peak_mib)} of ${memory(row.memory_mib)}`;
  if (row.state === "FAILED" && row.cause === null) return row.signal ? `signal ${row.signal}` : `exit code ${row.exit_code ?? "?"}`;
  return row.cause ?? (hasEnded(row.state) ? "" : (row.nodes ?? ""));
}

/** 48 done, 8 running, 143 waiting, 1 failed. */
export function tally(row: JobRow): string {
  return tallyOf(segmentsOf(countsOf(row)));
}

export function tallyOfAll(rows: readonly JobRow[]): string {
  return tallyOf(segmentsOf(countsOfAll(rows)));
}

function tallyOf(segments: ReturnType<typeof segmentsOf>): string {
  return segments
    .filter((segment) => segment.count > 0)
    .map((segment) => `${segment.count.toLocaleString("en")} ${segment.word}`)
    .join(", ");
}

/** Reasons begin with "waits": the column says that already. */
function short(reason: string): string {
  return reason.replace(/^waits (for|until) /, "").replace(/^waits: /, "");
}

/** How a person writes it: 12, or 12_3. */
export function refOf(row: Pick<JobRow, "id" | "task">): string {
  return row.task ? `${row.task[0]}_${row.task[1]}` : String(row.id);
}

export function runningTasks(row: JobRow): number {
  const counts = countsOf(row);
  return (counts.RUNNING ?? 0) + (counts.STARTING ?? 0) + (counts.SUSPENDED ?? 0);
}
