/**
 * Jobs that moved, read whole: many in one request, once for all tabs. Of very many at once only the numbers are
 * told, and each tab reads those that it shows.
 */

import { api } from "./client";
import type { Say } from "./stream";
import type { Job, JobPage } from "./types";

export const READ_MAX = 200;
/** What happens to a job at once happens within that. */
const READ_AFTER_MS = 20;
const NEXT_AFTER_MS = 30;
const ARRAYS_AFTER_MS = 500;

export class Moved {
  private readonly ids = new Set<number>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private reading = false;

  constructor(private readonly say: Say) {}

  add(id: number): void {
    this.ids.add(id);
    if (!this.reading) this.timer ??= setTimeout(() => void this.read(), READ_AFTER_MS);
  }

  private async read(): Promise<void> {
    const ids = [...this.ids];
    this.ids.clear();
    this.timer = undefined;
    if (ids.length > READ_MAX) {
      this.say({ kind: "many", ids });
      return;
    }
    this.reading = true;
    const asked = Date.now();
    try {
      const jobs = await readJobs(ids);
      // One that moved again meanwhile is read again: this may be how it was before.
      const now = jobs.filter((job) => job.id === null || !this.ids.has(job.id));
      if (now.length > 0) this.say({ kind: "jobs", jobs: now, asked });
      // A task of an array moved, and so the counts of its array.
      for (const job of jobs) if (job.array && job.array.index !== null) this.ids.add(job.array.job_id);
    } catch {
      // The stream tells of a server that is gone; what was missed is read when it is back.
    } finally {
      this.reading = false;
      if (this.ids.size > 0) this.timer ??= setTimeout(() => void this.read(), this.pause(ids));
    }
  }

  /** What came meanwhile is read soon; arrays that are read for their tasks, less often. */
  private pause(before: readonly number[]): number {
    return before.length > 20 ? ARRAYS_AFTER_MS : NEXT_AFTER_MS;
  }
}

export async function readJobs(ids: readonly number[]): Promise<Job[]> {
  if (ids.length === 0) return [];
  return (await api.get<JobPage>("/v1/jobs", { ids: ids.join(","), limit: ids.length })).jobs;
}
