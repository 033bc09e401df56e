/**
 * One stream for all tabs of this browser, and what is read for all of them: browsers allow six connections to a
 * server, and a stream holds one for good. Where there are no shared workers each tab has a hub of its own.
 */

import { Moved } from "./moved";
import { Recent } from "./recent";
import { Shared, type SharedName } from "./shared";
import { type Happened, type JobMoved, Stream, type StreamMessage, type Tell } from "./stream";

/** What a tab says. */
export type Wish =
  /** It knows all up to the event `after`. */
  | { kind: "open"; after: string | null }
  | { kind: "leave" }
  | { kind: "again"; name: SharedName }
  | { kind: "jobs"; ids: number[] };

export class Hub {
  private readonly tabs = new Map<Tell, string | null>();
  private readonly recent = new Recent();
  private readonly stream = new Stream((message) => this.heard(message));
  private readonly moved = new Moved((message) => this.tell(message));
  private readonly shared = new Shared((message) => this.tell(message));
  private begun = false;

  hear(tab: Tell, wish: Wish): void {
    if (wish.kind === "open") this.open(tab, wish.after);
    else if (wish.kind === "leave") this.tabs.delete(tab);
    else if (wish.kind === "again") this.shared.again(wish.name);
    else this.shared.jobs(wish.ids);
  }

  close(): void {
    this.stream.close();
  }

  private open(tab: Tell, after: string | null): void {
    this.tabs.set(tab, after);
    if (this.stream.isOpen) this.catchUp(tab, after);
    else {
      if (!this.begun) this.recent.start(after);
      this.begun = true;
      this.stream.open(after);
    }
  }

  private heard(message: StreamMessage): void {
    if (message.kind === "open" && message.missed) this.recent.start(null);
    if (message.kind === "open" && !message.missed) for (const [tab, after] of this.tabs) this.catchUp(tab, after);
    else this.tell(message);
    if (message.kind === "event") this.happened(message);
  }

  private happened(event: Happened): void {
    this.recent.add(event);
    if (event.name === "job") this.moved.add((event.data as JobMoved).job_id);
  }

  /** A tab begins to hear: what came since it read is told once more. */
  private catchUp(tab: Tell, after: string | null): void {
    const since = this.recent.after(after);
    tab({ kind: "open", missed: since === null });
    for (const event of since ?? []) {
      tab(event);
      if (event.name === "job") this.moved.add((event.data as JobMoved).job_id);
    }
  }

  private tell(message: StreamMessage): void {
    for (const tab of this.tabs.keys()) tab(message);
  }
}
