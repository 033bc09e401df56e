/**
 * The log of a job as its page shows it: the end of it first, then what comes, and any part of it when asked. When
 * the job ends its last lines are heard like all others: what somebody looks at stays where it is.
 */

import { useCallback, useEffect, useReducer, useRef } from "react";
import { api, Problem, request } from "@/api/client";
import type { LogMarks } from "@/api/types";
import { emptyAt, firstLine, grown, linesBefore, type LogWindow, MARK, MARK_BYTES, placeOf, startOf, withBefore, withoutMark } from "./window";

const PIECE = 256 * 1024;
const NEXT = "launchyard-next-offset";

export type Stream = "stdout" | "stderr" | "setup";

export interface LogState {
  window: LogWindow;
  marks: LogMarks | null;
  /** What is shown ends where the log ends. */
  atEnd: boolean;
  /** The first answer is here. */
  ready: boolean;
  over: boolean;
  /** More was written than is kept. */
  capped: boolean;
  error: Error | null;
}

const NOTHING: LogState = {
  window: emptyAt(0, null),
  marks: null,
  atEnd: true,
  ready: false,
  over: false,
  capped: false,
  error: null,
};

export interface LogHandle {
  state: LogState;
  /** Lines before the first one; false: there are none. */
  before: () => Promise<boolean>;
  after: () => Promise<boolean>;
  /** Show the line at this offset, whose number is known; answers its place among the lines; null: another is shown by now. */
  goTo: (offset: number, line: number) => Promise<number | null>;
  toEnd: () => void;
}

/** What is read from: over once another output is wanted, or its end. */
interface Source {
  id: string;
  stream: Stream;
  signal: AbortSignal;
  now: () => LogState;
  change: (next: Partial<LogState>) => void;
  /** Up to where what comes has been heard; who looks at another part lets it go by. */
  heard: number;
  /** Hear anew, from where what is shown ends. */
  hearAgain: () => void;
}

/** `live`: more may come; `ended`: the job has, and the server tells what is still to be heard of it. */
export function useLog(id: string, stream: Stream, live: boolean, ended: boolean): LogHandle {
  const reading = useReading(`${id} ${stream}`, live, ended);
  const state = useRef(NOTHING);
  const source = useRef<Source | null>(null);
  const [, draw] = useReducer((count: number) => count + 1, 0);
  const [round, again] = useReducer((count: number) => count + 1, 0);
  const frame = useRef(0);
  useEffect(() => {
    const stop = new AbortController();
    const before = source.current;
    // The same output stays until it is here anew.
    if (before?.id !== id || before.stream !== stream) state.current = NOTHING;
    const change = (next: Partial<LogState>) => {
      // What was asked for before another output was is none of its lines.
      if (stop.signal.aborted) return;
      state.current = { ...state.current, ...next };
      // Much may come at once: drawn once a frame.
      frame.current ||= requestAnimationFrame(() => {
        frame.current = 0;
        draw();
      });
    };
    const now = () => state.current;
    source.current = { id, stream, signal: stop.signal, now, change, heard: 0, hearAgain: () => undefined };
    void follow(source.current, reading === "hears");
    if (before && state.current === NOTHING) change(NOTHING);
    return () => stop.abort();
  }, [id, stream, reading, round]);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  const before = useCallback(async () => source.current !== null && loadBefore(source.current), []);
  const after = useCallback(async () => source.current !== null && loadAfter(source.current), []);
  const goTo = useCallback(
    async (offset: number, line: number) => (source.current ? loadAround(source.current, offset, line) : null),
    [],
  );
  return { state: state.current, before, after, goTo, toEnd: again };
}

/** What there was to hear of a job that has ended has not all come to here: it is heard to its end. */
function useReading(what: string, live: boolean, ended: boolean): "waits" | "hears" | "over" {
  const last = useRef({ what, live });
  if (!ended || last.current.what !== what) last.current = { what, live };
  if (last.current.live) return "hears";
  return ended ? "over" : "waits";
}

async function follow(source: Source, live: boolean): Promise<void> {
  const { now, change } = source;
  const marks = readMarks(source);
  // Somebody may leave before the part is there, and then nobody waits for the marks.
  marks.catch(() => undefined);
  await orFailed(source, async () => {
    const { data, offset, capped } = await part(source, -PIECE, PIECE);
    const skipped = firstLine(data, offset === 0);
    const window = grown(emptyAt(offset + skipped, offset === 0 ? 1 : null), data.subarray(skipped));
    change({ ...NOTHING, window, capped, ready: true });
    void marks.then((told) => change(numbered(now(), told))).catch(() => undefined);
    if (live) await hearAll(source);
    else change({ over: true });
  });
}

async function orFailed({ signal, change }: Source, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (signal.aborted) return;
    change({ error: error instanceof Error ? error : new Error(String(error)), ready: true, over: true });
  }
}

function readMarks({ id, stream, signal }: Source): Promise<LogMarks> {
  return api.get<LogMarks>(`/v1/jobs/${id}/logs/marks`, { stream }, signal);
}

/** All that comes. After it the errors of the whole are known. */
async function hearAll(source: Source): Promise<void> {
  const { now, change } = source;
  await hear(source);
  // Who reads on to the end may have had an answer from before it.
  source.hearAgain = () => void orFailed(source, () => hearAll(source));
  const window = withoutMark(now().window);
  change({ window, capped: now().capped || window !== now().window, over: true });
  await readMarks(source).then(
    (told) => change(numbered(now(), told)),
    () => undefined,
  );
}

/** What comes, until the job has ended. A page that is not looked at lets go of its connection. */
async function hear(source: Source): Promise<void> {
  const { signal } = source;
  while (!signal.aborted) {
    await visible(signal);
    const cut = new AbortController();
    const look = () => document.hidden && cut.abort();
    source.hearAgain = () => cut.abort();
    document.addEventListener("visibilitychange", look);
    try {
      await hearOnce(source, AbortSignal.any([signal, cut.signal]));
      return;
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof Problem && error.status !== 0) throw error;
      if (!cut.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 1000));
    } finally {
      document.removeEventListener("visibilitychange", look);
    }
  }
}

async function hearOnce(source: Source, signal: AbortSignal): Promise<void> {
  const { id, stream, now, change } = source;
  source.heard = now().window.end;
  const query = { stream, follow: 1, offset: source.heard };
  const response = await request("GET", `/v1/jobs/${id}/logs`, { query, signal });
  const reader = response.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) return;
    const { window, atEnd } = now();
    // Some of it may be here already, of a part that was asked for.
    if (atEnd) change({ window: grown(window, value.subarray(Math.max(0, window.end - source.heard))) });
    source.heard += value.length;
  }
}

function visible(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve, reject) => {
    document.addEventListener("visibilitychange", () => resolve(), { once: true, signal });
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** The number of the first line that is held, from how many there are in all. */
function numbered(state: LogState, marks: LogMarks): Partial<LogState> {
  const { window } = state;
  if (window.first !== null || !marks.complete) return { marks };
  const first = marks.lines - linesBefore(window, marks.size) + 1;
  return { marks, window: { ...window, first } };
}

async function loadBefore(source: Source): Promise<boolean> {
  const start = startOf(source.now().window);
  if (start === 0) return false;
  const from = Math.max(0, start - PIECE);
  const { data, offset } = await part(source, from, start - from);
  // It may have grown at its end meanwhile, and let go of its beginning.
  const { window } = source.now();
  if (startOf(window) !== start) return false;
  const skipped = firstLine(data, offset === 0);
  source.change({ window: withBefore(window, data.subarray(skipped), offset + skipped) });
  return true;
}

async function loadAfter(source: Source): Promise<boolean> {
  const { end } = source.now().window;
  if (source.now().atEnd) return false;
  const { data, next, capped } = await part(source, end, PIECE);
  const { window } = source.now();
  if (window.end !== end) return false;
  const atEnd = data.length < PIECE && next <= end + data.length;
  source.change({ window: grown(window, data), atEnd, capped: source.now().capped || capped });
  // What came while this was on its way went by.
  if (atEnd && source.heard > end + data.length) source.hearAgain();
  return data.length > 0;
}

async function loadAround(source: Source, offset: number, line: number): Promise<number | null> {
  const held = source.now().window;
  if (offset >= startOf(held) && offset < held.end) return placeOf(held, offset);
  const from = Math.max(0, offset - PIECE / 2);
  const found = await part(source, from, PIECE).catch((error: unknown) => {
    if (source.signal.aborted) return null;
    throw error;
  });
  if (found === null) return null;
  const { data, offset: at } = found;
  const skipped = firstLine(data, at === 0);
  const window = grown(emptyAt(at + skipped, null), data.subarray(skipped));
  const place = placeOf(window, offset);
  source.change({ window: { ...window, first: line - place }, atEnd: false });
  return place;
}

interface Part {
  data: Uint8Array;
  offset: number;
  next: number;
  capped: boolean;
}

async function part({ id, stream, signal }: Source, offset: number, limit: number): Promise<Part> {
  const response = await request("GET", `/v1/jobs/${id}/logs`, { query: { stream, offset, limit }, signal });
  const told = new Uint8Array(await response.arrayBuffer());
  const data = bare(told);
  const next = Number(response.headers.get(NEXT) ?? 0);
  return { data, offset: Math.max(0, next - data.length), next, capped: data.length < told.length };
}

/** A log that reached its cap ends with a line of the server's, which is not in the file. */
function bare(data: Uint8Array): Uint8Array {
  const tail = new TextDecoder().decode(data.subarray(-MARK_BYTES));
  return tail.startsWith(MARK) ? data.subarray(0, -MARK_BYTES) : data;
}
