/**
 * What happens within a moment is told together. A tab that is told something draws itself, which costs about the
 * same for one thing as for ten; so what a job does at once (it waits, starts, runs) is one message, with the job.
 */

import type { StreamMessage, Tell } from "./stream";

/** A job that moved is read meanwhile; if that takes longer, its move is told without it. */
const HOLD_MS = 60;
const SOON_MS = 8;
/** From one telling to the next. */
const PAUSE_MS = 30;

export class Gather {
  private messages: StreamMessage[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private due = Infinity;
  private told = -Infinity;

  constructor(private readonly tell: Tell) {}

  add(message: StreamMessage): void {
    this.messages.push(message);
    const now = performance.now();
    const due = Math.max(now + waitOf(message), this.told + PAUSE_MS);
    if (due >= this.due) return;
    this.due = due;
    clearTimeout(this.timer);
    if (due <= now) this.flush();
    else this.timer = setTimeout(() => this.flush(), due - now);
  }

  flush(): void {
    clearTimeout(this.timer);
    const { messages } = this;
    this.messages = [];
    this.due = Infinity;
    if (messages.length === 0) return;
    this.told = performance.now();
    this.tell(messages);
  }
}

function waitOf(message: StreamMessage): number {
  if (message.kind === "jobs" || message.kind === "many") return 0;
  return message.kind === "event" && message.name === "job" ? HOLD_MS : SOON_MS;
}
