/**
 * An answer may be from before something that was told while it was on its way. What was told meanwhile is kept as
 * long as an answer is, and put into it: no event would come a second time.
 */

import { type JobPatch, patched, withJobs } from "./jobcache";
import type { JobFilter } from "./keys";
import type { SharedName } from "./shared";
import type { Job, JobPage } from "./types";

interface Meanwhile {
  patches: JobPatch[];
  /** Those that were read whole. */
  jobs: Job[];
  shared: Partial<Record<SharedName, unknown>>;
}

const onTheirWay = new Set<Meanwhile>();

export function toldOfJobs(patches: readonly JobPatch[], jobs: readonly Job[]): void {
  for (const one of onTheirWay) {
    one.patches.push(...patches);
    one.jobs.push(...jobs);
  }
}

export function toldOf(name: SharedName, data: unknown): void {
  for (const one of onTheirWay) one.shared[name] = data;
}

async function meanwhile<Answer>(answer: Promise<Answer>): Promise<[Answer, Meanwhile]> {
  const told: Meanwhile = { patches: [], jobs: [], shared: {} };
  onTheirWay.add(told);
  try {
    return [await answer, told];
  } finally {
    onTheirWay.delete(told);
  }
}

export async function pageNow(asked: Promise<JobPage>, filter: JobFilter): Promise<JobPage> {
  const [page, told] = await meanwhile(asked);
  return withJobs(patched(page, told.patches), told.jobs, filter);
}

export async function jobNow(asked: Promise<Job>): Promise<Job> {
  const [job, told] = await meanwhile(asked);
  return told.patches.reduce<Job>((now, patch) => (patch.id === job.id ? { ...now, ...patch } : now), job);
}

/** What all tabs share: as it was read for all of them meanwhile, which something that happened was the reason of. */
export async function sharedNow<Answer>(name: SharedName, asked: Promise<Answer>): Promise<Answer> {
  const [answer, told] = await meanwhile(asked);
  return name in told.shared ? (told.shared[name] as Answer) : answer;
}
