/**
 * What happens on the server, written into what is kept here. Nothing asks in intervals.
 *
 * A move of a job is shown at once (its state), in every list and page that has the job; a moment later the
 * jobs that moved are read whole, many in one request. What has no event of its own (reasons of waiting jobs,
 * nodes) is read anew after moves, at most every few seconds, and only while a page shows it.
 */

import type { Query, QueryClient } from "@tanstack/react-query";
import { setConnected } from "@/state/live";
import { shownIds, insertJobs, patchJobs, waitingIds } from "./jobcache";
import { keys } from "./keys";
import { READ_MAX, readJobs } from "./moved";
import { type JobMoved, Stream, type StreamMessage, type Tell } from "./stream";
import type { Job, JobState } from "./types";

type Listener = (event: JobMoved) => void;

const SHOW_AFTER_MS = 16;
const BEGUN_MS = 400;
const LISTS_EVERY_MS = 2000;
const WAITING_EVERY_MS = 5000;
const NODES_EVERY_MS = 2000;

const jobListeners = new Set<Listener>();
const anyListeners = new Set<(name: string, data: unknown) => void>();

/** Each move of a job that this person may see. */
export function onJobMoved(listener: Listener): () => void {
  jobListeners.add(listener);
  return () => jobListeners.delete(listener);
}

/** Every event by its name (`job`, `session`, ...). */
export function onEvent(listener: (name: string, data: unknown) => void): () => void {
  anyListeners.add(listener);
  return () => anyListeners.delete(listener);
}

/** Connects; answers how to let go. */
export function connect(client: QueryClient): () => void {
  const live = new LiveData(client);
  return openStream((message) => live.hear(message));
}

/** After a new login: the stream was refused, and waits to be told. */
export let reopen: () => void = () => undefined;

function openStream(tell: Tell): () => void {
  if (typeof SharedWorker === "undefined") {
    const stream = new Stream(tell);
    stream.open();
    reopen = () => stream.open();
    return () => stream.close();
  }
  const worker = new SharedWorker(new URL("./stream.worker.ts", import.meta.url), {
    type: "module",
    name: "launchyard-events",
  });
  const leave = () => worker.port.postMessage("leave");
  worker.port.onmessage = ({ data }: MessageEvent<StreamMessage>) => tell(data);
  worker.port.postMessage("open");
  reopen = () => worker.port.postMessage("open");
  addEventListener("pagehide", leave);
  return () => {
    removeEventListener("pagehide", leave);
    leave();
    worker.port.close();
  };
}

class LiveData {
  private readonly states = new Map<number, JobState>();
  private showing: ReturnType<typeof setTimeout> | undefined;
  private waitsForEyes = false;
  private readonly pauses = new Map<string, { last: number; timer?: ReturnType<typeof setTimeout> }>();

  constructor(private readonly client: QueryClient) {}

  hear(message: StreamMessage): void {
    if (message.kind === "open") {
      setConnected(true);
      if (message.fresh) this.begun();
      else void this.client.invalidateQueries();
    } else if (message.kind === "cut") setConnected(false);
    else if (message.kind === "refused") void this.client.invalidateQueries({ queryKey: keys.me });
    else if (message.kind === "jobs") this.hasRead(message.jobs);
    else if (message.kind === "many") this.many(message.ids);
    else this.happened(message.name, message.data);
  }

  /** What was read before the stream was open may lack what happened between: it is read once more. */
  private begun(): void {
    const until = Date.now() + BEGUN_MS;
    const early = (query: Query) => query.state.dataUpdatedAt < until && query.queryKey[0] !== keys.me[0];
    setTimeout(() => void this.client.invalidateQueries({ predicate: early }), 2 * BEGUN_MS);
  }

  private happened(name: string, data: unknown): void {
    if (name === "job") this.jobMoved(data as JobMoved);
    if (name === "session") {
      void this.client.invalidateQueries({ queryKey: keys.sessions });
      const id = (data as { id?: number }).id;
      if (id !== undefined) void this.client.invalidateQueries({ queryKey: keys.session(id) });
    }
    if (name === "node") this.seldom("nodes", NODES_EVERY_MS, () => this.again(keys.nodes));
    for (const listener of anyListeners) listener(name, data);
  }

  private jobMoved(event: JobMoved): void {
    this.states.set(event.job_id, event.state as JobState);
    this.showing ??= setTimeout(() => this.showStates(), SHOW_AFTER_MS);
    if (!document.hidden) this.seldom("waiting", WAITING_EVERY_MS, () => this.readWaiting());
    this.seldom("nodes", NODES_EVERY_MS, () => this.again(keys.nodes));
    this.seldom("status", LISTS_EVERY_MS, () => this.again(keys.status));
    for (const listener of jobListeners) listener(event);
  }

  private showStates(): void {
    this.showing = undefined;
    patchJobs(
      this.client,
      [...this.states].map(([id, state]) => ({ id, state })),
    );
    this.states.clear();
  }

  private hasRead(jobs: readonly Job[]): void {
    patchJobs(this.client, jobs);
    insertJobs(this.client, jobs);
    for (const job of jobs) if (job.id !== null) this.again(keys.why(job.id));
  }

  /** Very many moved at once: of those that are shown here, and of lists as a whole, seldom. */
  private many(ids: readonly number[]): void {
    const shown = shownIds(this.client);
    this.read(ids.filter((id) => shown.has(id)));
    this.seldom("lists", LISTS_EVERY_MS, () => this.again(["jobs"]));
  }

  private read(ids: readonly number[]): void {
    readJobs(ids.slice(0, READ_MAX)).then(
      (jobs) => this.hasRead(jobs),
      // The stream tells of a server that is gone; what was missed is read when it is back.
      () => undefined,
    );
  }

  private readWaiting(): void {
    this.read(waitingIds(this.client));
  }

  /** Read it anew if it is shown; where nobody looks, once somebody does. */
  private again(queryKey: readonly unknown[]): void {
    void this.client.invalidateQueries({ queryKey, refetchType: document.hidden ? "none" : "active" });
    if (!document.hidden || this.waitsForEyes) return;
    this.waitsForEyes = true;
    const looked = () => {
      this.waitsForEyes = false;
      void this.client.refetchQueries({ type: "active", stale: true });
    };
    document.addEventListener("visibilitychange", looked, { once: true });
  }

  /** Do it now, but not more often than every `pause` ms; what comes meanwhile is done once after the pause. */
  private seldom(name: string, pause: number, act: () => void): void {
    const before = this.pauses.get(name) ?? { last: -Infinity };
    if (before.timer) return;
    const wait = Math.max(0, before.last + pause - performance.now());
    const timer = setTimeout(() => {
      this.pauses.set(name, { last: performance.now() });
      act();
    }, wait);
    this.pauses.set(name, { ...before, timer });
  }
}
