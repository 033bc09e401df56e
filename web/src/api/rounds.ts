/**
 * Who is told when: the tab that is used at once, the others a few at a time. Each draws what it is told, and fifty
 * that draw at the same moment keep the one that somebody looks at waiting.
 */

import type { StreamMessage, Tell } from "./stream";

const STEP_MS = 30;
/** As many as about half of the machine can draw meanwhile: the rest is for the one in use, and for the server. */
const AT_A_TIME = navigator.hardwareConcurrency || 2;

export class Rounds {
  /** The one used last is the last. */
  private readonly tabs = new Set<Tell>();
  /** What is to be told; who waits longest is the first. */
  private readonly waiting = new Map<Tell, StreamMessage[]>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  use(tab: Tell): void {
    this.tabs.delete(tab);
    this.tabs.add(tab);
    this.hand(tab);
  }

  leave(tab: Tell): void {
    this.tabs.delete(tab);
    this.waiting.delete(tab);
  }

  tell(messages: readonly StreamMessage[]): void {
    const [first, ...others] = [...this.tabs].reverse();
    for (const tab of others) this.waiting.set(tab, [...(this.waiting.get(tab) ?? []), ...messages]);
    first?.(messages);
    if (others.length > 0) this.timer ??= setTimeout(() => this.round(), STEP_MS);
  }

  tellAllNow(message: StreamMessage): void {
    for (const tab of this.tabs) {
      this.hand(tab);
      tab([message]);
    }
  }

  private round(): void {
    this.timer = undefined;
    for (const tab of [...this.waiting.keys()].slice(0, AT_A_TIME)) this.hand(tab);
    if (this.waiting.size > 0) this.timer = setTimeout(() => this.round(), STEP_MS);
  }

  private hand(tab: Tell): void {
    const messages = this.waiting.get(tab);
    this.waiting.delete(tab);
    if (messages) tab(messages);
  }
}
