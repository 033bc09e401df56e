/**
 * Which of two answers is the newer one: the one that was asked for later. What somebody does here, and the answer
 * to it, is newer than everything that was asked before the server had said yes.
 */

import type { SharedName } from "./shared";

/** A job by its number, or what all tabs share. */
type Thing = number | SharedName;

const shownAsOf = new Map<Thing, number>();
const changing = new Map<Thing, number>();
const listeners = new Set<(things: readonly Thing[]) => void>();

/** Whether an answer that was asked for at `asked` is from before what is shown of it here. */
export function isOlder(thing: Thing, asked: number): boolean {
  return changing.has(thing) || asked < (shownAsOf.get(thing) ?? 0);
}

/** An answer that was asked for at `asked` is shown. */
export function isShown(thing: Thing, asked: number): void {
  shownAsOf.set(thing, Math.max(asked, shownAsOf.get(thing) ?? 0));
}

/** Somebody changes these: until that is over and they are asked for anew, no answer knows better. */
export async function whileChanging<Answer>(things: readonly Thing[], act: () => Promise<Answer>): Promise<Answer> {
  for (const thing of things) changing.set(thing, (changing.get(thing) ?? 0) + 1);
  try {
    return await act();
  } finally {
    for (const thing of things) {
      const others = (changing.get(thing) ?? 1) - 1;
      if (others > 0) changing.set(thing, others);
      else changing.delete(thing);
      isShown(thing, Date.now());
    }
    for (const listener of listeners) listener(things);
  }
}

/** Told of what was changed here, once the server has said what became of it. */
export function onChanged(listener: (things: readonly Thing[]) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
