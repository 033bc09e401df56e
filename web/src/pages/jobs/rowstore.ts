/**
 * The rows of one filter: the first hundred at once, then all there are, then what happens to them. A move is
 * in its row as soon as the event is here; rows that moved are read whole a moment later, many in one request.
 */

import { api } from "@/api/client";
import { onJobMoved } from "@/api/live";
import { isOlder, onChanged } from "@/api/older";
import type { JobMoved } from "@/api/stream";
import type { JobColumns, JobState } from "@/api/types";
import { hasEnded } from "@/state/jobstate";
import { fitsFilter, type JobRow, knownOr, merged, moved, type RowFilter, rowsInPieces, rowsOf } from "./rows";

/** `start.js` asks for the same. */
const FIRST = 100;
export const ROWS_MAX = 20_000;
const REST_AFTER_MS = 250;
const SHOW_AFTER_MS = 40;
const READ_AFTER_MS = 250;
const READ_MAX = 300;
const WAITING_EVERY_MS = 5000;
const WAITING_READ = 100;
const ALL_AGAIN_MS = 3000;

export interface RowsNow {
  rows: readonly JobRow[];
  /** All that there are; until then more are on their way. */
  complete: boolean;
  /** There are more than are shown at most. */
  cut: boolean;
}

/** What happened while everything was read: the answers may be older. */
interface Since {
  moved: Set<number>;
  /** Those that moved, and are none of these any more. */
  gone: Set<number>;
}

export class RowStore {
  private now: RowsNow = { rows: [], complete: false, cut: false };
  private readonly places = new Map<number, number>();
  private readonly states = new Map<number, JobMoved>();
  private readonly wanted = new Set<number>();
  private readonly loading = new Set<Since>();
  private loads = 0;
  /** The last of them of which something is shown. */
  private shownLoad = 0;
  private readonly listeners = new Set<() => void>();
  private showing: ReturnType<typeof setTimeout> | undefined;
  private reading: ReturnType<typeof setTimeout> | undefined;
  private isReading = false;
  private waitingReadAt = 0;
  private loadedAt = 0;

  constructor(
    private readonly filter: RowFilter,
    /** A list that is not ours to choose (the tasks of an array): its query, and which events are of it. */
    private readonly only: { query: Record<string, number>; isOfIt: (row: JobRow) => boolean } | null = null,
  ) {}

  readonly snapshot = (): RowsNow => this.now;

  /** While somebody listens, moves are heard. */
  readonly subscribe = (listener: () => void): (() => void) => {
    if (this.listeners.size === 0) this.begin();
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.stop();
    };
  };

  private stop: () => void = () => {};

  private begin(): void {
    const stops = [onJobMoved((event) => this.hear(event)), onChanged((things) => this.changed(things))];
    this.stop = () => {
      for (const stop of stops) stop();
    };
  }

  /** Everything from the server; rows are shown as soon as the first of them are here. */
  async load(signal?: AbortSignal): Promise<number> {
    const since: Since = { moved: new Set(), gone: new Set() };
    this.loading.add(since);
    try {
      return await this.loadAll(++this.loads, since, signal);
    } finally {
      this.loading.delete(since);
    }
  }

  private async loadAll(load: number, since: Since, signal?: AbortSignal): Promise<number> {
    this.loadedAt = performance.now();
    const asked = Date.now();
    const first = await this.page(FIRST, null, signal);
    let rows = this.known(rowsOf(first));
    if (this.now.rows.length <= rows.length) this.putLoaded(load, { rows, complete: first.next === null, cut: false }, since, asked);
    let { next } = first;
    if (next !== null) {
      // The first are drawn, and can be used, before the rest is asked for.
      await new Promise((done) => setTimeout(done, REST_AFTER_MS));
      const rest = await this.page(ROWS_MAX, next, signal);
      rows = rows.concat(this.known(await rowsInPieces(rest)));
      next = rest.next;
    }
    this.putLoaded(load, { rows, complete: true, cut: next !== null }, since, asked);
    for (const id of since.moved) this.want(id);
    return rows.length;
  }

  /** As it was read, but for what happened meanwhile; nothing where it was read once more since. */
  private putLoaded(load: number, told: RowsNow, since: Since, asked: number): void {
    if (load < this.shownLoad) return;
    this.shownLoad = load;
    const ours = (row: JobRow | undefined) => row && (since.moved.has(row.id) || isOlder(row.id, asked));
    const rows = told.rows.filter((row) => !since.gone.has(row.id));
    this.put({ ...told, rows: merged(rows, this.now.rows.filter(ours)) });
  }

  private page(limit: number, cursor: string | null, signal?: AbortSignal): Promise<JobColumns> {
    const { states, user, partition, cluster, group } = this.filter;
    const query = { state: states.join(","), user, partition, cluster, group, ...this.only?.query, limit, cursor };
    return api.get<JobColumns>("/v1/tables/list", query, signal);
  }

  private known(rows: readonly JobRow[]): JobRow[] {
    return rows.map((row) => knownOr(this.now.rows[this.places.get(row.id) ?? -1], row));
  }

  private put(now: RowsNow): void {
    this.places.clear();
    now.rows.forEach((row, place) => this.places.set(row.id, place));
    this.tell(now);
  }

  /** The same jobs in the same order. */
  private tell(now: RowsNow): void {
    this.now = now;
    for (const listener of this.listeners) listener();
  }

  private hear(event: JobMoved): void {
    this.states.set(event.job_id, event);
    this.showing ??= setTimeout(() => this.show(), SHOW_AFTER_MS);
    for (const since of this.loading) {
      since.moved.add(event.job_id);
      since.gone.delete(event.job_id);
    }
    this.want(event.job_id);
  }

  /** Somebody changed them here, which may be no move. */
  private changed(things: readonly (number | string)[]): void {
    for (const id of things) if (typeof id === "number" && this.places.has(id)) this.want(id);
  }

  private want(id: number, afterMs = READ_AFTER_MS): void {
    this.wanted.add(id);
    // One answer at a time: of two the older one might be the last.
    if (!this.isReading) this.reading ??= setTimeout(() => void this.readMoved(), afterMs);
  }

  /** The moves that came, in their rows. */
  private show(): void {
    this.showing = undefined;
    const fresh: JobRow[] = [];
    for (const [id, event] of this.states) {
      const row = this.now.rows[this.places.get(id) ?? -1];
      if (row) fresh.push(moved(row, event.state as JobState, new Date(event.at).getTime() / 1000));
    }
    this.states.clear();
    this.patch(fresh);
  }

  private async readMoved(): Promise<void> {
    this.reading = undefined;
    let ids = [...this.wanted];
    this.wanted.clear();
    if (ids.length > READ_MAX) {
      // A flood: rows in sight are read one by one, the list as a whole a little later.
      this.allAgain();
      ids = ids.filter((id) => this.places.has(id)).slice(0, READ_MAX);
    }
    const at = performance.now();
    if (at - this.waitingReadAt > WAITING_EVERY_MS) {
      this.waitingReadAt = at;
      ids = [...new Set([...ids, ...this.waiting()])];
    }
    await this.read(ids.slice(0, READ_MAX + WAITING_READ));
  }

  /** Those whose reasons are in sight at first. */
  private waiting(): number[] {
    const ids: number[] = [];
    for (const row of this.now.rows) {
      if (row.state === "PENDING" || row.array !== null) ids.push(row.id);
      if (ids.length === WAITING_READ) break;
    }
    return ids;
  }

  private async read(ids: readonly number[]): Promise<void> {
    if (ids.length === 0) return;
    const asked = Date.now();
    let told: JobRow[] = [];
    this.isReading = true;
    try {
      told = rowsOf(await api.get<JobColumns>("/v1/tables/list", { ids: ids.join(","), limit: ids.length }));
    } catch {
      // The stream tells of a server that is gone; when it is back everything is read anew.
    }
    this.isReading = false;
    // A row that moved again meanwhile is read again: this may be how it was before.
    const old = (id: number) => this.places.has(id) && (this.wanted.has(id) || isOlder(id, asked));
    const now = told.filter((row) => !old(row.id));
    for (const id of [...this.wanted]) this.want(id);
    this.take(now);
  }

  private take(told: readonly JobRow[]): void {
    const arrays = new Set(told.flatMap((row) => (row.task && !this.only ? [row.task[0]] : [])));
    const fitting = told.filter((row) => this.belongs(row));
    const gone = new Set(told.filter((row) => this.places.has(row.id) && !this.belongs(row)).map((row) => row.id));
    const rows = gone.size > 0 ? this.now.rows.filter((row) => !gone.has(row.id)) : this.now.rows;
    const oldest = rows[rows.length - 1]?.id ?? 0;
    const shown = this.now.complete ? fitting : fitting.filter((row) => row.id >= oldest);
    if (gone.size > 0 || shown.some((row) => !this.places.has(row.id))) this.put({ ...this.now, rows: merged(rows, shown) });
    else this.patch(shown);
    for (const since of this.loading) for (const id of gone) since.gone.add(id);
    for (const id of arrays) this.want(id, 2 * READ_AFTER_MS);
  }

  /** Rows that are there already, as they are now. */
  private patch(fresh: readonly JobRow[]): void {
    const rows = this.now.rows.slice();
    let changed = false;
    for (const row of fresh) {
      const place = this.places.get(row.id);
      if (place === undefined) continue;
      const known = rows[place];
      rows[place] = knownOr(known, row);
      changed ||= rows[place] !== known;
    }
    if (changed) this.tell({ ...this.now, rows });
  }

  private belongs(row: JobRow): boolean {
    return this.only ? this.only.isOfIt(row) : fitsFilter(row, this.filter);
  }

  private allAgain(): void {
    if (performance.now() - this.loadedAt > ALL_AGAIN_MS) void this.load().catch(() => undefined);
  }

  /** Something was done to these here; shown until the server says how they are. */
  assume(ids: ReadonlySet<number>, change: Partial<JobRow>): () => void {
    const before = new Map(this.now.rows.filter((row) => ids.has(row.id)).map((row) => [row.id, row]));
    this.tell({ ...this.now, rows: this.now.rows.map((row) => (ids.has(row.id) ? { ...row, ...change } : row)) });
    // What else happened to them stays.
    const back = (row: JobRow, was: JobRow | undefined) =>
      was ? { ...row, ...Object.fromEntries(Object.keys(change).map((name) => [name, was[name as keyof JobRow]])) } : row;
    return () => this.tell({ ...this.now, rows: this.now.rows.map((row) => back(row, before.get(row.id))) });
  }

  /** Whether anything of it goes on. */
  get live(): boolean {
    return this.now.rows.some((row) => !hasEnded(row.state));
  }
}
