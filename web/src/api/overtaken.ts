/**
 * An answer may be from before something that was told while it was on its way. What was told meanwhile is kept as
 * long as an answer is, and put into it: no event would come a second time.
 */

import type { QueryClient } from "@tanstack/react-query";
import { type JobPatch, patched, patchJobs, withJobs } from "./jobcache";
import type { JobFilter } from "./keys";
import { isShown } from "./older";
import type { SharedName } from "./shared";
import type { Job, JobPage } from "./types";

interface Told {
  asked: number;
  data: unknown;
}

interface Meanwhile {
  patches: JobPatch[];
  /** Those that were read whole. */
  jobs: Job[];
  shared: Partial<Record<SharedName, Told>>;
}

const onTheirWay = new Set<Meanwhile>();

export function toldOfJobs(patches: readonly JobPatch[], jobs: readonly Job[]): void {
  for (const one of onTheirWay) {
    one.patches.push(...patches);
    one.jobs.push(...jobs);
  }
}

export function toldOf(name: SharedName, told: Told): void {
  for (const one of onTheirWay) one.shared[name] = told;
}

/** Put what is new of jobs wherever they are kept, and into what is on its way. */
export function putJobs(client: QueryClient, patches: readonly JobPatch[]): void {
  toldOfJobs(patches, []);
  patchJobs(client, patches);
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
  // What came may have gone on since: it is patched too.
  return patched(withJobs(page, told.jobs, filter), told.patches);
}

export async function jobNow<One extends Job>(asked: Promise<One>): Promise<One> {
  const [job, told] = await meanwhile(asked);
  return told.patches.reduce<One>((now, patch) => (patch.id === job.id ? { ...now, ...patch } : now), job);
}

export async function jobsNow(asked: Promise<Job[]>): Promise<Job[]> {
  const [jobs, told] = await meanwhile(asked);
  return patched({ jobs, next: null }, told.patches).jobs;
}

/** What all tabs share: as it was read for all of them, if that was asked for later. */
export async function sharedNow<Answer>(name: SharedName, asking: Promise<Answer>): Promise<Answer> {
  const asked = Date.now();
  const [answer, told] = await meanwhile(asking);
  const other = told.shared[name];
  if (other && other.asked >= asked) return other.data as Answer;
  isShown(name, asked);
  return answer;
}
