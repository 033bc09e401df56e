/** What states of jobs mean to a person: a word, a glyph, and a colour that never stands alone. */

import type { Job, JobState } from "@/api/types";

export type Tone = "pending" | "running" | "done" | "failed" | "muted" | "ours";
export type Glyph = "hollow" | "quarter" | "full" | "pause" | "tick" | "cross" | "stop" | "bang";

export interface Look {
  word: string;
  glyph: Glyph;
  tone: Tone;
}

/** "ours": not the person's fault, shown as an inverted pill. */
export const LOOKS: Record<JobState, Look> = {
  PENDING: { word: "pending", glyph: "hollow", tone: "pending" },
  STARTING: { word: "starting", glyph: "quarter", tone: "running" },
  RUNNING: { word: "running", glyph: "full", tone: "running" },
  SUSPENDED: { word: "suspended", glyph: "pause", tone: "pending" },
  COMPLETING: { word: "ending", glyph: "quarter", tone: "running" },
  COMPLETED: { word: "completed", glyph: "tick", tone: "done" },
  FAILED: { word: "failed", glyph: "cross", tone: "failed" },
  CANCELLED: { word: "cancelled", glyph: "stop", tone: "muted" },
  TIMEOUT: { word: "time limit", glyph: "cross", tone: "failed" },
  OUT_OF_MEMORY: { word: "memory", glyph: "cross", tone: "failed" },
  NODE_FAIL: { word: "node failed", glyph: "bang", tone: "ours" },
  PREEMPTED: { word: "preempted", glyph: "bang", tone: "ours" },
  DEADLINE: { word: "deadline", glyph: "cross", tone: "failed" },
  LOST: { word: "lost", glyph: "bang", tone: "ours" },
};

export const LIVE: readonly JobState[] = ["PENDING", "STARTING", "RUNNING", "SUSPENDED", "COMPLETING"];
export const ACTIVE: readonly JobState[] = ["STARTING", "RUNNING", "SUSPENDED", "COMPLETING"];
export const WENT_WRONG: readonly JobState[] = [
  "FAILED",
  "TIMEOUT",
  "OUT_OF_MEMORY",
  "NODE_FAIL",
  "DEADLINE",
  "LOST",
];

export function hasEnded(state: JobState): boolean {
  return !LIVE.includes(state);
}

/** How a person writes the job: 12, or 12_3 for a task. */
export function ref(job: Pick<Job, "id" | "array">): string {
  const { array } = job;
  return array && array.index !== null ? `${array.job_id}_${array.index}` : String(job.id);
}

/** The one sentence of a job: why it waits, or how it ended. */
export function sentence(job: Job): string {
  return job.state === "PENDING" ? (job.reason ?? "") : (job.cause ?? "");
}

/** Seconds until the time limit, null where there is none or it does not run. */
export function leftSeconds(job: Job, now: number): number | null {
  if (!job.started_at || job.ended_at || !job.time_limit_s) return null;
  return (new Date(job.started_at).getTime() - now) / 1000 + job.time_limit_s;
}

/** Seconds it has run, or ran. */
export function ranSeconds(job: Job, now: number): number | null {
  if (!job.started_at) return null;
  const end = job.ended_at ? new Date(job.ended_at).getTime() : now;
  return (end - new Date(job.started_at).getTime()) / 1000;
}
