/**
 * One stream for all tabs of this browser, and what is read for all of them: browsers allow six connections to a
 * server, and a stream holds one for good. Where there are no shared workers each tab has a hub of its own.
 */

import { Gather } from "./gather";
import { Moved } from "./moved";
import { Recent } from "./recent";
import { Rounds } from "./rounds";
import { Shared, type SharedName } from "./shared";
import { type Happened, type JobMoved, Stream, type StreamMessage, type Tell } from "./stream";

/** What a tab says. */
export type Wish =
  /** It knows all up to the event `after`. */
  | { kind: "open"; after: string | null }
  /** Somebody uses it: it is told before the others. */
  | { kind: "used" }
  /** What it was told is drawn there: the next one may be told. */
  | { kind: "drawn" }
  | { kind: "leave" }
  | { kind: "again"; name: SharedName }
  | { kind: "jobs"; ids: number[] };

export class Hub {
  /** Up to where each tab had read. */
  private readonly tabs = new Map<Tell, string | null>();
  private readonly recent = new Recent();
  private readonly stream = new Stream((message) => this.heard(message));
  private readonly rounds = new Rounds();
  private readonly gather = new Gather((messages) => this.rounds.tell(messages));
  private readonly moved = new Moved((message) => this.gather.add(message));
  private readonly shared = new Shared((message) => this.gather.add(message));
  private begun = false;

  hear(tab: Tell, wish: Wish): void {
    if (wish.kind === "open") this.open(tab, wish.after);
    else if (wish.kind === "used") this.rounds.use(tab);
    else if (wish.kind === "drawn") this.rounds.drawn(tab);
    else if (wish.kind === "leave") this.leave(tab);
    else if (wish.kind === "again") this.shared.again(wish.name);
    else this.shared.jobs(wish.ids);
  }

  close(): void {
    this.stream.close();
  }

  private open(tab: Tell, after: string | null): void {
    this.tabs.set(tab, after);
    this.rounds.use(tab);
    if (this.stream.isOpen) this.catchUp(tab, after);
    else {
      if (!this.begun) this.recent.start(after);
      this.begun = true;
      this.stream.open(after);
    }
  }

  private leave(tab: Tell): void {
    this.tabs.delete(tab);
    this.rounds.leave(tab);
  }

  private heard(message: StreamMessage): void {
    if (message.kind === "event") this.happened(message);
    else if (message.kind === "open" && !message.missed)
      for (const [tab, after] of this.tabs) this.catchUp(tab, after);
    else {
      if (message.kind === "open") this.recent.start(null);
      this.gather.flush();
      this.rounds.tellAllNow(message);
    }
  }

  private happened(event: Happened): void {
    this.recent.add(event);
    this.gather.add(event);
    if (event.name !== "job") return;
    const { job_id: id } = event.data as JobMoved;
    this.moved.add(id);
    this.shared.moved(id);
  }

  /** A tab begins to hear: what came since it read is told once more. */
  private catchUp(tab: Tell, after: string | null): void {
    const since = this.recent.after(after);
    tab([{ kind: "open", missed: since === null }, ...(since ?? [])]);
    for (const event of since ?? []) if (event.name === "job") this.moved.add((event.data as JobMoved).job_id);
  }
}
