/** The server's event stream: one connection, which is tried again when it is cut. */

import { url } from "./client";
import type { SharedName } from "./shared";
import type { Job } from "./types";

export interface JobMoved {
  seq: number;
  job_id: number;
  user: string;
  account: string | null;
  state: string;
  previous: string;
  at: string;
}

export interface Happened {
  kind: "event";
  /** `RUN-NUMBER`, as the server counts. */
  id: string;
  name: string;
  data: unknown;
}

export type StreamMessage =
  /** `missed`: what was read before may lack something. */
  | { kind: "open"; missed: boolean }
  | { kind: "cut" }
  | { kind: "refused" }
  | Happened
  /** `asked`: when, as `Date` counts. */
  | { kind: "jobs"; jobs: Job[]; asked: number }
  /** Very many moved at once. */
  | { kind: "many"; ids: number[] }
  /** Read anew for all tabs. */
  | { kind: "told"; name: SharedName; data: unknown; asked: number };

/** Says one thing, to whoever gathers them. */
export type Say = (message: StreamMessage) => void;
/** Tells a tab, or all of them, what happened within a moment. */
export type Tell = (messages: readonly StreamMessage[]) => void;

const EVENTS = ["job", "session", "node", "notice"] as const;
const RETRY_S = [1, 1, 2, 4, 8, 15] as const;

/** Keeps a stream open until it is closed; tries again, and says when what came between may be missing. */
export class Stream {
  isOpen = false;
  private source: EventSource | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private wasOpen = false;

  constructor(private readonly say: Say) {}

  /** `after`: the last event that is known of; null: who hears has to read everything anew. */
  open(after: string | null): void {
    if (this.source) return;
    // A browser that comes back says itself up to where it heard; a new EventSource does not, so it is told.
    const known = this.wasOpen ? null : after;
    const source = new EventSource(url("/v1/events", { after: known }));
    this.source = source;
    source.onopen = () => {
      this.failures = 0;
      this.isOpen = true;
      const missed = this.wasOpen || known === null;
      this.wasOpen = true;
      this.say({ kind: "open", missed });
    };
    source.onerror = () => {
      this.isOpen = false;
      this.say({ kind: "cut" });
      if (source.readyState === EventSource.CLOSED) this.again();
    };
    source.addEventListener("reset", () => this.say({ kind: "open", missed: true }));
    for (const name of EVENTS)
      source.addEventListener(name, (event) => {
        const { data, lastEventId } = event as MessageEvent<string>;
        this.say({ kind: "event", id: lastEventId, name, data: JSON.parse(data) as unknown });
      });
  }

  close(): void {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
    this.wasOpen = this.isOpen = false;
  }

  /** The server answered something else than a stream: find out whether the login is over. */
  private again(): void {
    this.source?.close();
    this.source = null;
    const wait = RETRY_S[Math.min(this.failures++, RETRY_S.length - 1)] ?? 15;
    this.timer = setTimeout(() => void this.probe(), wait * 1000);
  }

  private async probe(): Promise<void> {
    try {
      const response = await fetch("/v1/me", { credentials: "same-origin" });
      if (response.status === 401) {
        this.say({ kind: "refused" });
        return;
      }
    } catch {
      // Not reachable: the stream itself will say so.
    }
    this.open(null);
  }
}
