/** Which jobs stand where on Home. Pure. */

import type { Job, Session } from "@/api/types";
import { ACTIVE, WENT_WRONG, leftSeconds, ref } from "@/state/jobstate";

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
  why: "failed" | "ending" | "idle";
  /** When an idle session is stopped. */
  stopAt?: string;
}

/** Failed in the last day, then what runs into its time limit soon, then sessions that are stopped as nobody uses them. */
export function needing(
  live: readonly Job[],
  recent: readonly Job[],
  sessions: readonly Session[],
  now: number,
): Needing[] {
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
    ...sessions.filter((one) => one.state === "running").flatMap((one) => idle(one, now)),
  ];
}

function idle(session: Session, now: number): Needing[] {
  const stopAt = session.idle_stop_at;
  const soon = stopAt !== null && new Date(stopAt).getTime() - now < SOON_S * 1000;
  return soon ? [{ job: session.job, why: "idle", stopAt }] : [];
}

/** Where it is started again, with all of it filled in; `session`: the one that it was; `fix`: because it went wrong. */
export function againAt(job: Job, session: Session | undefined, fix: boolean): { to: string; search: object } {
  if (session) return { to: `/new/session/${session.app}`, search: { from: ref(job) } };
  if (job.kind === "session") return { to: "/sessions", search: {} };
  return { to: "/new/batch", search: fix ? { from: ref(job), fix: "1" } : { from: ref(job) } };
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
