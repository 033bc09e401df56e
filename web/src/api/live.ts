/**
 * What happens on the server, written into what is kept here. Nothing asks in intervals.
 *
 * A move of a job is shown at once (its state), in every list and page that has the job; a moment later the
 * jobs that moved are read whole, many in one request. What has no event of its own (reasons of waiting jobs,
 * nodes) is read anew after moves, at most every few seconds, and only while a page shows it.
 */

import type { QueryClient } from "@tanstack/react-query";
import { setConnected } from "@/state/live";
import { Hub, type Wish } from "./hub";
import { shownIds, insertJobs, patchJobs, waitingIds } from "./jobcache";
import { keys } from "./keys";
import { READ_MAX, readJobs } from "./moved";
import { nodesOf, sessionsOf } from "./queries";
import type { SharedName } from "./shared";
import type { Happened, JobMoved, StreamMessage, Tell } from "./stream";
import type { Job, JobState, Me, NodeList, SessionList } from "./types";

type Listener = (event: JobMoved) => void;

const SHOW_AFTER_MS = 16;
const CONNECT_AFTER_MS = 0;
const LISTS_EVERY_MS = 2000;
const WAITING_EVERY_MS = 5000;
const SHARED_EVERY_MS = 1000;
const WHY_EVERY_MS = 15_000;

/** As the pages keep what was read for all tabs. */
const AS_KEPT: Record<SharedName, (data: unknown) => unknown> = {
  status: (data) => data,
  nodes: (data) => nodesOf(data as NodeList),
  sessions: (data) => sessionsOf(data as SessionList),
};

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

/** Begins to hear, once the page is drawn; answers how to let go. */
export function connect(client: QueryClient): () => void {
  const live = new LiveData(client);
  let leave = () => {};
  // Nothing is missed: what happens from when the page knew who looks is told then.
  const timer = setTimeout(() => {
    leave = openHub(live, heardUpTo ?? client.getQueryData<Me>(keys.me)?.last_event ?? null);
  }, CONNECT_AFTER_MS);
  return () => {
    clearTimeout(timer);
    leave();
  };
}

/** The last event that was heard here. */
let heardUpTo: string | null = null;

/** After a new login: the stream was refused, and waits to be told. */
export let reopen: () => void = () => undefined;

function openHub(live: LiveData, after: string | null): () => void {
  if (typeof SharedWorker === "undefined") {
    const hub = new Hub();
    const tell: Tell = (message) => live.hear(message);
    live.wish = (wish) => hub.hear(tell, wish);
    live.wish({ kind: "open", after });
    reopen = () => live.wish({ kind: "open", after: null });
    return () => hub.close();
  }
  const worker = new SharedWorker(new URL("./stream.worker.ts", import.meta.url), {
    type: "module",
    name: "launchyard-events",
  });
  live.wish = (wish) => worker.port.postMessage(wish);
  const leave = () => live.wish({ kind: "leave" });
  worker.port.onmessage = ({ data }: MessageEvent<StreamMessage>) => live.hear(data);
  live.wish({ kind: "open", after });
  reopen = () => live.wish({ kind: "open", after: null });
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
  private readonly reasons = new Map<number, string>();
  private waitsForEyes = false;
  private readonly pauses = new Map<string, { last: number; timer?: ReturnType<typeof setTimeout> }>();

  constructor(private readonly client: QueryClient) {}

  /** Said to the hub, which reads for all tabs. */
  wish: (wish: Wish) => void = () => undefined;

  hear(message: StreamMessage): void {
    if (message.kind === "open") {
      setConnected(true);
      if (message.missed) void this.client.invalidateQueries();
    } else if (message.kind === "cut") setConnected(false);
    else if (message.kind === "refused") void this.client.invalidateQueries({ queryKey: keys.me });
    else if (message.kind === "jobs") this.hasRead(message.jobs);
    else if (message.kind === "many") this.many(message.ids);
    else if (message.kind === "told") this.told(message.name, message.data);
    else this.happened(message);
  }

  private told(name: SharedName, data: unknown): void {
    if (this.client.getQueryState(keys[name])) this.client.setQueryData(keys[name], AS_KEPT[name](data));
  }

  private happened({ id, name, data }: Happened): void {
    heardUpTo = id;
    if (name === "job") this.jobMoved(data as JobMoved);
    if (name === "session") {
      this.shared("sessions");
      const session = (data as { id?: number }).id;
      if (session !== undefined) void this.client.invalidateQueries({ queryKey: keys.session(session) });
    }
    if (name === "node") this.shared("nodes");
    for (const listener of anyListeners) listener(name, data);
  }

  private jobMoved(event: JobMoved): void {
    this.states.set(event.job_id, event.state as JobState);
    this.showing ??= setTimeout(() => this.showStates(), SHOW_AFTER_MS);
    if (!document.hidden) this.seldom("waiting", WAITING_EVERY_MS, () => this.readWaiting());
    this.seldom("shared", SHARED_EVERY_MS, () => {
      this.shared("nodes");
      this.shared("status");
    });
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
    for (const job of jobs) if (job.id !== null) this.whyOf(job.id, `${job.state} ${job.reason}`);
  }

  /** Found by planning with it: again if it waits for something else now, or the answer is old. */
  private whyOf(id: number, reason: string): void {
    const known = this.client.getQueryState(keys.why(id));
    if (!known) return;
    const same = this.reasons.get(id) === reason && Date.now() - known.dataUpdatedAt < WHY_EVERY_MS;
    this.reasons.set(id, reason);
    if (!same) this.again(keys.why(id));
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
    const ids = waitingIds(this.client);
    if (ids.length > 0) this.wish({ kind: "jobs", ids });
  }

  /** The hub reads it anew for all tabs, if one shows it. */
  private shared(name: SharedName): void {
    const key = keys[name];
    void this.client.invalidateQueries({ queryKey: key, refetchType: "none" });
    if (document.hidden) this.onceSeen();
    else if (this.client.getQueryCache().find({ queryKey: key })?.isActive()) this.wish({ kind: "again", name });
  }

  /** Read it anew if it is shown; where nobody looks, once somebody does. */
  private again(queryKey: readonly unknown[]): void {
    void this.client.invalidateQueries({ queryKey, refetchType: document.hidden ? "none" : "active" });
    if (document.hidden) this.onceSeen();
  }

  private onceSeen(): void {
    if (this.waitsForEyes) return;
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
