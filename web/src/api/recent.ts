/** The last events, for a tab that begins to hear: it knows up to where it has read, and is told what came since. */

import type { Happened } from "./stream";

const KEPT = 1000;

interface Place {
  run: string;
  number: number;
}

export class Recent {
  /** Everything that came after this is kept; null: nothing is known. */
  private begin: Place | null = null;
  private readonly events: { place: Place; event: Happened }[] = [];

  /** What came before `id` is not known; null: it is not known either from where on all is known. */
  start(id: string | null): void {
    this.begin = placeOf(id);
    this.events.length = 0;
  }

  add(event: Happened): void {
    const place = placeOf(event.id);
    if (!place) return;
    if (this.begin?.run !== place.run) this.start(`${place.run}-${place.number - 1}`);
    this.events.push({ place, event });
    if (this.events.length > KEPT) this.begin = this.events.shift()?.place ?? null;
  }

  /** What came after `id`; null: that is not known any more. */
  after(id: string | null): Happened[] | null {
    const place = placeOf(id);
    const { begin } = this;
    if (!place || !begin || place.run !== begin.run || place.number < begin.number) return null;
    return this.events.filter((one) => one.place.number > place.number).map((one) => one.event);
  }
}

/** Whether the event `id` came after `other`; after a restart of the server all do. */
export function isAfter(id: string, other: string): boolean {
  const [place, before] = [placeOf(id), placeOf(other)];
  return !place || !before || place.run !== before.run || place.number > before.number;
}

function placeOf(id: string | null): Place | null {
  const [, run, number] = /^(\w+)-(\d+)$/.exec(id ?? "") ?? [];
  return run && number ? { run, number: Number(number) } : null;
}
