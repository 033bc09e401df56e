/**
 * What happens on the server, written into what is kept here. Nothing asks in intervals.
 *
 * A move of a job comes with the job, read whole once for all tabs; both are drawn together, in every list and
 * page that has the job. While nobody looks nothing is drawn: what happened is asked for once somebody does. What
 * has no event of its own (reasons of waiting jobs, what is used of nodes) is read anew after moves, at most every few seconds, and
 * only while a page shows it. A node that came, went or was closed is told of; all nodes are read then.
 */

import { notifyManager, type QueryClient } from "@tanstack/react-query";
import { setConnected } from "@/state/live";
import type { Wish } from "./hub";
import { insertJobs, type JobPatch, patchJobs, shownIds, waitingIds } from "./jobcache";
import { forgetEarly } from "./early";
import { readAgain } from "./again";
import { keys } from "./keys";
import { isOlder, isShown } from "./older";
import { jobsNow, toldOf, toldOfJobs } from "./overtaken";
import { READ_MAX, readJobs } from "./moved";
import { nodesOf, sessionsOf } from "./queries";
import { isAfter } from "./recent";
import type { SharedName } from "./shared";
import type { Happened, JobMoved, StreamMessage } from "./stream";
import type { Job, JobState, Me, NodeList, SessionList } from "./types";

type Listener = (event: JobMoved) => void;

const USED_EVERY_MS = 1000;
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

/** Each move of a job that this person may see; what happens while nobody looks comes once somebody does. */
export function onJobMoved(listener: Listener): () => void {
  jobListeners.add(listener);
  return () => jobListeners.delete(listener);
}

/** Every event by its name (`job`, `session`, ...) as it happens, also while nobody looks. */
export function onEvent(listener: (name: string, data: unknown) => void): () => void {
  anyListeners.add(listener);
  return () => anyListeners.delete(listener);
}

/** Once what was just changed is drawn; a page that nobody looks at draws nothing. */
function afterFrame(act: () => void): void {
  if (document.hidden) act();
  else setTimeout(() => requestAnimationFrame(() => setTimeout(act)));
}

/** The last event that is shown here. */
let heardUpTo: string | null = null;
/** The last that was told of here, also while nobody looked. */
let toldUpTo: string | null = null;

export class LiveData {
  /** What was told of jobs and is not yet shown. */
  private readonly patches = new Map<number, JobPatch>();
  /** As they were read last; several moves of one may be told at once. */
  private readonly fresh = new Map<number, Job>();
  private readonly reasons = new Map<number, string>();
  private waitsForEyes = false;
  private usedAt = -Infinity;
  private readonly pauses = new Map<string, { last: number; timer?: ReturnType<typeof setTimeout> }>();

  constructor(private readonly client: QueryClient) {}

  /** Said to the hub, which reads for all tabs. */
  wish: (wish: Wish) => void = () => undefined;

  /** Tell me what came since what is shown here. */
  open(): void {
    this.wish({ kind: "open", after: heardUpTo ?? this.client.getQueryData<Me>(keys.me)?.last_event ?? null });
  }

  /** Somebody changed these here: a move of theirs may come, or nothing that tells of it. */
  changed(things: readonly (number | SharedName)[]): void {
    const ids = things.filter((one) => typeof one === "number");
    if (ids.length > 0) this.wish({ kind: "jobs", ids });
  }

  /** Somebody uses this tab. */
  used(): void {
    if (performance.now() - this.usedAt < USED_EVERY_MS) return;
    this.usedAt = performance.now();
    this.wish({ kind: "used" });
  }

  /** All of it is drawn at once. */
  hear(messages: readonly StreamMessage[]): void {
    notifyManager.batch(() => {
      for (const message of messages) this.take(message);
      this.show();
    });
    afterFrame(() => this.wish({ kind: "drawn" }));
  }

  private take(message: StreamMessage): void {
    if (document.hidden && this.isLater(message)) return;
    if (message.kind === "open") {
      setConnected(true);
      if (message.missed) readAgain(this.client, []);
    } else if (message.kind === "cut") setConnected(false);
    else if (message.kind === "refused") void this.client.invalidateQueries({ queryKey: keys.me });
    else if (message.kind === "jobs") this.hasRead(message.jobs, message.asked);
    else if (message.kind === "many") this.many(message.ids);
    else if (message.kind === "told") this.told(message.name, message.data, message.asked);
    else this.happened(message);
  }

  /** Nobody looks: what happens is drawn once somebody does, when the hub is asked for it anew. */
  private isLater(message: StreamMessage): boolean {
    if (message.kind === "event") this.tellOf(message);
    if (message.kind === "told") this.again(keys[message.name]);
    return message.kind !== "open" && message.kind !== "cut" && message.kind !== "refused";
  }

  private tellOf({ id, name, data }: Happened): void {
    if (toldUpTo !== null && !isAfter(id, toldUpTo)) return;
    toldUpTo = id;
    for (const listener of anyListeners) listener(name, data);
  }

  private told(name: SharedName, data: unknown, asked: number): void {
    if (isOlder(name, asked)) return;
    isShown(name, asked);
    toldOf(name, { asked, data });
    if (this.client.getQueryState(keys[name])) this.client.setQueryData(keys[name], AS_KEPT[name](data));
  }

  private happened(event: Happened): void {
    const { id, name, data } = event;
    heardUpTo = id;
    if (name === "job") this.jobMoved(data as JobMoved);
    if (name === "session") {
      this.shared("sessions");
      const session = (data as { id?: number }).id;
      if (session !== undefined) this.again(keys.session(session));
    }
    if (name === "node") this.nodesMoved();
    this.tellOf(event);
  }

  private jobMoved(event: JobMoved): void {
    forgetEarly();
    this.patches.set(event.job_id, { ...this.patches.get(event.job_id), id: event.job_id, state: event.state as JobState });
    this.nodesMoved();
    for (const listener of jobListeners) listener(event);
  }

  /** What is used of nodes, or what they are: what waits may wait for something else now. */
  private nodesMoved(): void {
    this.seldom("waiting", WAITING_EVERY_MS, () => this.readWaiting());
    this.seldom("shared", SHARED_EVERY_MS, () => {
      this.shared("nodes");
      this.shared("status");
    });
  }

  private hasRead(jobs: readonly Job[], asked: number): void {
    for (const job of jobs) {
      if (job.id === null || isOlder(job.id, asked)) continue;
      this.fresh.set(job.id, job);
      this.patches.set(job.id, job);
      this.whyOf(job.id, `${job.state} ${job.reason}`);
    }
  }

  private show(): void {
    const fresh = [...this.fresh].map(([id, job]) => ({ ...job, ...this.patches.get(id) }));
    toldOfJobs([...this.patches.values()], fresh);
    if (this.patches.size > 0) patchJobs(this.client, [...this.patches.values()]);
    if (fresh.length > 0) insertJobs(this.client, fresh);
    this.patches.clear();
    this.fresh.clear();
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
    const asked = Date.now();
    jobsNow(readJobs(ids.slice(0, READ_MAX))).then(
      (jobs) => this.hear([{ kind: "jobs", jobs, asked }]),
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
    readAgain(this.client, queryKey, document.hidden);
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
