/**
 * What many tabs show and no event tells whole: read once for all of them, not at once (what moved is drawn
 * first) and not often.
 */

import { api } from "./client";
import { readJobs, READ_MAX } from "./moved";
import type { Say } from "./stream";

export type SharedName = "status" | "nodes" | "sessions";

interface Read {
  path: string;
  afterMs: number;
  everyMs: number;
}

const READS: Record<SharedName, Read> = {
  status: { path: "/v1/status", afterMs: 300, everyMs: 2000 },
  nodes: { path: "/v1/nodes", afterMs: 300, everyMs: 2000 },
  sessions: { path: "/v1/sessions", afterMs: 0, everyMs: 250 },
};
const JOBS: Omit<Read, "path"> = { afterMs: 400, everyMs: 2000 };

export class Shared {
  private readonly waiting = new Set<SharedName>();
  private readonly last = new Map<SharedName | "jobs", number>();
  private readonly ids = new Set<number>();
  private readings = 0;
  /** The last reading that was told. */
  private readonly told = new Map<SharedName, number>();
  /** By job the last reading that it was asked for in. */
  private readonly askedIn = new Map<number, number>();

  constructor(private readonly say: Say) {}

  /** Somebody shows it, and it is not what it was. */
  again(name: SharedName): void {
    if (this.waiting.has(name)) return;
    this.waiting.add(name);
    setTimeout(() => void this.read(name), this.wait(name, READS[name]));
  }

  /** These jobs as they are; why they wait has no event of its own. */
  jobs(ids: readonly number[]): void {
    if (this.ids.size === 0) setTimeout(() => void this.readJobs(), this.wait("jobs", JOBS));
    for (const id of ids) this.ids.add(id);
  }

  /** Who reads what moved tells it: what is on its way here may be how it was before. */
  moved(id: number): void {
    this.askedIn.delete(id);
  }

  private wait(name: SharedName | "jobs", { afterMs, everyMs }: Omit<Read, "path">): number {
    return Math.max(afterMs, (this.last.get(name) ?? -Infinity) + everyMs - performance.now());
  }

  private async read(name: SharedName): Promise<void> {
    // What moves from now on is another reading.
    this.waiting.delete(name);
    this.last.set(name, performance.now());
    const asked = Date.now();
    const reading = ++this.readings;
    try {
      const data = await api.get<unknown>(READS[name].path);
      // One that was asked for later may have been quicker.
      if (reading < (this.told.get(name) ?? 0)) return;
      this.told.set(name, reading);
      this.say({ kind: "told", name, data, asked });
    } catch {
      // The stream tells of a server that is gone; what was missed is read when it is back.
    }
  }

  private async readJobs(): Promise<void> {
    const ids = [...this.ids].slice(0, READ_MAX);
    this.ids.clear();
    this.last.set("jobs", performance.now());
    const asked = Date.now();
    const reading = ++this.readings;
    for (const id of ids) this.askedIn.set(id, reading);
    try {
      const jobs = await readJobs(ids);
      const now = jobs.filter((job) => job.id !== null && this.askedIn.get(job.id) === reading);
      if (now.length > 0) this.say({ kind: "jobs", jobs: now, asked });
    } catch {
      // As above.
    } finally {
      for (const id of ids) if (this.askedIn.get(id) === reading) this.askedIn.delete(id);
    }
  }
}
