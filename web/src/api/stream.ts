/**
 * The server's event stream, one connection for all tabs of this browser: browsers allow six to a server, and
 * a stream holds one for good. Where there are no shared workers each tab has its own.
 */

import { Moved, type Read } from "./moved";

export interface JobMoved {
  seq: number;
  job_id: number;
  user: string;
  state: string;
  previous: string;
  at: string;
}

export type StreamMessage =
  | { kind: "open"; fresh: boolean }
  | { kind: "cut" }
  | { kind: "refused" }
  | { kind: "event"; name: string; data: unknown }
  | Read;

export type Tell = (message: StreamMessage) => void;

const EVENTS = ["job", "session", "node", "notice"] as const;
const RETRY_S = [1, 1, 2, 4, 8, 15] as const;

/** Keeps a stream open until it is closed; tries again, and says when what came between may be missing. */
export class Stream {
  private source: EventSource | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private wasOpen = false;

  private readonly moved: Moved;

  constructor(private readonly tell: Tell) {
    this.moved = new Moved(tell);
  }

  open(): void {
    if (this.source) return;
    const source = new EventSource("/v1/events");
    this.source = source;
    source.onopen = () => {
      this.failures = 0;
      // The browser itself comes back with its last id; a new EventSource has none, so its gap is unknown.
      this.tell({ kind: "open", fresh: !this.wasOpen });
      this.wasOpen = true;
    };
    source.onerror = () => {
      this.tell({ kind: "cut" });
      if (source.readyState === EventSource.CLOSED) this.again();
    };
    source.addEventListener("reset", () => this.tell({ kind: "open", fresh: false }));
    for (const name of EVENTS)
      source.addEventListener(name, (event) => this.happened(name, (event as MessageEvent<string>).data));
  }

  private happened(name: string, text: string): void {
    const data: unknown = JSON.parse(text);
    this.tell({ kind: "event", name, data });
    if (name === "job") this.moved.add((data as JobMoved).job_id);
  }

  close(): void {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
    this.wasOpen = false;
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
        this.tell({ kind: "refused" });
        return;
      }
    } catch {
      // Not reachable: the stream itself will say so.
    }
    this.open();
  }
}
