/** Jobs as they are kept in answers: finding, patching and adding them. */

import { type InfiniteData, type QueryClient, type QueryKey, replaceEqualDeep } from "@tanstack/react-query";
import type { JobFilter } from "./keys";
import { keys } from "./keys";
import type { Job, JobPage } from "./types";

type Kept = JobPage | InfiniteData<JobPage> | undefined;
export type JobPatch = Partial<Job> & { id: number | null };

/** Put what is new of jobs wherever they are kept. What did not change stays the same object. */
export function patchJobs(client: QueryClient, patches: readonly JobPatch[]): void {
  const byId = new Map(patches.map((patch) => [patch.id, patch]));
  for (const [id, patch] of byId)
    if (id !== null) client.setQueryData<Job>(keys.job(id), (job) => (job ? changed(job, patch) : undefined));
  client.setQueriesData<Kept>({ queryKey: ["jobs"] }, (kept) => mapPages(kept, (page) => patchPage(page, byId)));
}

/** The page with what is new of its jobs, the last patch of each the last. */
export function patched(page: JobPage, patches: readonly JobPatch[]): JobPage {
  const byId = new Map<number | null, JobPatch>();
  for (const patch of patches) byId.set(patch.id, { ...byId.get(patch.id), ...patch });
  return patchPage(page, byId);
}

function patchPage(page: JobPage, byId: Map<number | null, JobPatch>): JobPage {
  if (!page.jobs.some((job) => byId.has(job.id))) return page;
  const jobs = page.jobs.map((job) => {
    const patch = byId.get(job.id);
    return patch ? changed(job, patch) : job;
  });
  return jobs.every((job, at) => job === page.jobs[at]) ? page : { ...page, jobs };
}

function changed(job: Job, patch: JobPatch): Job {
  return replaceEqualDeep(job, { ...job, ...patch });
}

/** Add jobs that are new to lists whose filter they fit, each in its place: the newest first. */
export function insertJobs(client: QueryClient, jobs: readonly Job[]): void {
  for (const [key] of client.getQueriesData<Kept>({ queryKey: ["jobs"] })) {
    const filter = filterOf(key);
    const fitting = jobs.filter((job) => fits(job, filter));
    if (fitting.length > 0) client.setQueryData<Kept>(key, (kept) => withNew(kept, fitting));
  }
}

/** The page with those of `jobs` that fit its filter and are not on it. */
export function withJobs(page: JobPage, jobs: readonly Job[], filter: JobFilter): JobPage {
  const fitting = jobs.filter((job) => fits(job, filter));
  return fitting.length > 0 ? (withNew(page, fitting) as JobPage) : page;
}

function withNew(kept: Kept, jobs: readonly Job[]): Kept {
  const first = kept && "pages" in kept ? kept.pages[0] : kept;
  if (!kept || !first) return kept;
  const known = new Set(pagesOf(kept).flatMap((page) => page.jobs.map((job) => job.id)));
  // What is older than all of a page that has a next one is on that.
  const oldest = first.next === null ? 0 : (first.jobs.at(-1)?.id ?? 0);
  const fresh = new Map<number, Job>();
  for (const job of jobs) if (job.id !== null && job.id > oldest && !known.has(job.id)) fresh.set(job.id, job);
  if (fresh.size === 0) return kept;
  const page = { ...first, jobs: inPlace(first.jobs, [...fresh.values()]) };
  return "pages" in kept ? { ...kept, pages: [page, ...kept.pages.slice(1)] } : page;
}

function inPlace(jobs: readonly Job[], fresh: readonly Job[]): Job[] {
  const all = [...jobs];
  for (const job of fresh) {
    const at = all.findIndex((one) => one.id !== null && one.id < (job.id ?? 0));
    all.splice(at < 0 ? all.length : at, 0, job);
  }
  return all;
}

/** What the server's filter says, for a job here. */
export function fits(job: Job, filter: JobFilter): boolean {
  return (
    (!filter.state || filter.state.split(",").includes(job.state)) &&
    (!filter.user || filter.user === job.user) &&
    (!filter.name || filter.name === job.name) &&
    (!filter.partition || filter.partition === job.partition) &&
    (!filter.cluster || filter.cluster === job.cluster) &&
    (!filter.group || filter.group === job.group) &&
    (filter.array === undefined || (job.array?.job_id === filter.array && job.array.index !== null))
  );
}

/** Every job that some page shows now. */
export function shownIds(client: QueryClient): Set<number> {
  return new Set(shownJobs(client).flatMap((job) => (job.id === null ? [] : [job.id])));
}

export function waitingIds(client: QueryClient): number[] {
  return shownJobs(client).flatMap((job) => (job.state === "PENDING" && job.id !== null ? [job.id] : []));
}

function shownJobs(client: QueryClient): Job[] {
  const lists = client
    .getQueryCache()
    .findAll({ queryKey: ["jobs"], type: "active" })
    .flatMap((query) => pagesOf(query.state.data as Kept).flatMap((page) => page.jobs));
  const single = client
    .getQueryCache()
    .findAll({ queryKey: ["job"], type: "active" })
    .flatMap((query) => (query.state.data ? [query.state.data as Job] : []));
  return [...lists, ...single];
}

function pagesOf(kept: Kept): JobPage[] {
  if (!kept) return [];
  return "pages" in kept ? kept.pages : [kept];
}

function mapPages(kept: Kept, change: (page: JobPage) => JobPage): Kept {
  if (!kept) return kept;
  if (!("pages" in kept)) return change(kept);
  const pages = kept.pages.map(change);
  return pages.every((page, index) => page === kept.pages[index]) ? kept : { ...kept, pages };
}

function filterOf(key: QueryKey): JobFilter {
  return (key[1] ?? {}) as JobFilter;
}
