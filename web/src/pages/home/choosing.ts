/** Which jobs stand where on Home. Pure. */

import type { Job } from "@/api/types";
import { ACTIVE, WENT_WRONG, leftSeconds } from "@/state/jobstate";

const SOON_S = 15 * 60;
const RECENT_MS = 24 * 3600 * 1000;
const SHOWN_AGAIN = 6;

/** An array stands for its tasks. */
function whole(job: Job): boolean {
  return !job.array || job.array.index === null;
}

export function running(jobs: readonly Job[]): Job[] {
  return jobs.filter((job) => whole(job) && ACTIVE.includes(job.state));
}

/** As they were submitted. */
export function waiting(jobs: readonly Job[]): Job[] {
  const found = jobs.filter((job) => whole(job) && job.state === "PENDING");
  return found.sort((a, b) => (a.id ?? 0) - (b.id ?? 0));
}

export interface Needing {
  job: Job;
  why: "failed" | "ending";
}

/** Failed in the last day, then what runs into its time limit soon. */
export function needing(live: readonly Job[], recent: readonly Job[], now: number): Needing[] {
  const failed = recent.filter(
    (job) =>
      whole(job) &&
      WENT_WRONG.includes(job.state) &&
      job.ended_at !== null &&
      now - new Date(job.ended_at).getTime() < RECENT_MS,
  );
  failed.sort((a, b) => (b.ended_at ?? "").localeCompare(a.ended_at ?? ""));
  const ending = live.filter((job) => {
    const left = job.state === "RUNNING" ? leftSeconds(job, now) : null;
    // A job of a few minutes is always about to end; that is no news.
    return left !== null && left < SOON_S && (job.time_limit_s ?? 0) > 2 * SOON_S;
  });
  return [
    ...failed.map((job) => ({ job, why: "failed" as const })),
    ...ending.map((job) => ({ job, why: "ending" as const })),
  ];
}

/** The last few things that were started, each once, by what was run. */
export function distinct(recent: readonly Job[]): Job[] {
  const seen = new Set<string>();
  const found: Job[] = [];
  for (const job of recent) {
    const what = `${job.kind}\0${job.name}\0${job.script ?? job.command ?? ""}`;
    if (!whole(job) || job.kind === "driver" || seen.has(what)) continue;
    seen.add(what);
    found.push(job);
    if (found.length === SHOWN_AGAIN) break;
  }
  return found;
}
