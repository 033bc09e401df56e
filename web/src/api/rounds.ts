/**
 * Who is told when: the tab that is used at once, the others as soon as those before them have drawn. Each draws
 * what it is told, and fifty that draw at the same moment keep the one that somebody looks at waiting.
 */

import type { StreamMessage, Tell } from "./stream";

/** What else the machine can draw is left to the tab in use, and to the server. */
const AT_A_TIME = Math.max(1, (navigator.hardwareConcurrency || 2) - 1);
/** One that has not said meanwhile that it has drawn keeps the others waiting no longer. */
const PATIENCE_MS = 100;

export class Rounds {
  /** The one used last is the last. */
  private readonly tabs = new Set<Tell>();
  /** What is to be told; who waits longest is the first. */
  private readonly waiting = new Map<Tell, StreamMessage[]>();
  private readonly drawing = new Map<Tell, ReturnType<typeof setTimeout>>();

  use(tab: Tell): void {
    this.tabs.delete(tab);
    this.tabs.add(tab);
    this.hand(tab);
  }

  leave(tab: Tell): void {
    this.tabs.delete(tab);
    this.waiting.delete(tab);
    this.drawn(tab);
  }

  tell(messages: readonly StreamMessage[]): void {
    const [first, ...others] = [...this.tabs].reverse();
    for (const tab of others) this.waiting.set(tab, [...(this.waiting.get(tab) ?? []), ...messages]);
    if (first) {
      // It was behind as long as another one was in use.
      this.hand(first);
      this.give(first, messages);
    }
    this.next();
  }

  tellAllNow(message: StreamMessage): void {
    for (const tab of this.tabs) {
      this.hand(tab);
      tab([message]);
    }
  }

  /** It says so, or took too long. */
  drawn(tab: Tell): void {
    clearTimeout(this.drawing.get(tab));
    if (this.drawing.delete(tab)) this.next();
  }

  private next(): void {
    for (const tab of [...this.waiting.keys()]) {
      if (this.drawing.size >= AT_A_TIME) return;
      this.hand(tab);
    }
  }

  private hand(tab: Tell): void {
    const messages = this.waiting.get(tab);
    this.waiting.delete(tab);
    if (messages) this.give(tab, messages);
  }

  private give(tab: Tell, messages: readonly StreamMessage[]): void {
    clearTimeout(this.drawing.get(tab));
    this.drawing.set(tab, setTimeout(() => this.drawn(tab), PATIENCE_MS));
    tab(messages);
  }
}
