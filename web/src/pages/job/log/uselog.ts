/** The log of a job as its page shows it: the end of it first, then what comes, and any part of it when asked. */

import { useCallback, useEffect, useReducer, useRef } from "react";
import { api, Problem, request } from "@/api/client";
import type { LogMarks } from "@/api/types";
import { emptyAt, firstLine, grown, linesBefore, type LogWindow, placeOf, startOf, withBefore } from "./window";

const PIECE = 256 * 1024;
const NEXT = "launchyard-next-offset";
const MARK = "\n[launchyard: the log reached its cap;";
const MARK_BYTES = 74;

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
  /** Show the line at this offset, whose number is known; answers its place among the lines. */
  goTo: (offset: number, line: number) => Promise<number>;
  toEnd: () => void;
}

export function useLog(id: string, stream: Stream, live: boolean): LogHandle {
  const state = useRef(NOTHING);
  const [, draw] = useReducer((count: number) => count + 1, 0);
  const [round, again] = useReducer((count: number) => count + 1, 0);
  const frame = useRef(0);
  const change = useCallback((next: Partial<LogState>) => {
    state.current = { ...state.current, ...next };
    // Much may come at once: drawn once a frame.
    frame.current ||= requestAnimationFrame(() => {
      frame.current = 0;
      draw();
    });
  }, []);
  useEffect(() => {
    const stop = new AbortController();
    state.current = NOTHING;
    void follow(id, stream, live, stop.signal, () => state.current, change);
    return () => stop.abort();
  }, [id, stream, live, round, change]);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  const before = useCallback(() => loadBefore(id, stream, state.current, change), [id, stream, change]);
  const after = useCallback(() => loadAfter(id, stream, state.current, change), [id, stream, change]);
  const goTo = useCallback(
    (offset: number, line: number) => loadAround(id, stream, offset, line, state.current, change),
    [id, stream, change],
  );
  return { state: state.current, before, after, goTo, toEnd: again };
}

type Change = (next: Partial<LogState>) => void;

async function follow(
  id: string,
  stream: Stream,
  live: boolean,
  signal: AbortSignal,
  now: () => LogState,
  change: Change,
): Promise<void> {
  try {
    const marks = api.get<LogMarks>(`/v1/jobs/${id}/logs/marks`, { stream }, signal);
    // Somebody may leave before the part is there, and then nobody waits for the marks.
    marks.catch(() => undefined);
    const { data, offset, capped } = await part(id, stream, -PIECE, PIECE, signal);
    const skipped = firstLine(data, offset === 0);
    const window = grown(emptyAt(offset + skipped, offset === 0 ? 1 : null), data.subarray(skipped));
    change({ window, capped, ready: true });
    void marks.then((told) => change(numbered(now(), told))).catch(() => undefined);
    if (live) await hear(id, stream, signal, now, change);
    change({ over: true });
  } catch (error) {
    if (signal.aborted) return;
    change({ error: error instanceof Error ? error : new Error(String(error)), ready: true, over: true });
  }
}

/** What comes, until the job has ended. A page that is not looked at lets go of its connection. */
async function hear(id: string, stream: Stream, signal: AbortSignal, now: () => LogState, change: Change): Promise<void> {
  while (!signal.aborted) {
    await visible(signal);
    const hidden = new AbortController();
    const look = () => document.hidden && hidden.abort();
    document.addEventListener("visibilitychange", look);
    try {
      const query = { stream, follow: 1, offset: now().window.end };
      const response = await request("GET", `/v1/jobs/${id}/logs`, { query, signal: AbortSignal.any([signal, hidden.signal]) });
      const reader = response.body?.getReader();
      for (;;) {
        const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
        if (done) return;
        if (now().atEnd) change({ window: grown(now().window, value) });
      }
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof Problem && error.status !== 0) throw error;
      if (!hidden.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 1000));
    } finally {
      document.removeEventListener("visibilitychange", look);
    }
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

async function loadBefore(id: string, stream: Stream, { window }: LogState, change: Change): Promise<boolean> {
  const start = startOf(window);
  if (start === 0) return false;
  const from = Math.max(0, start - PIECE);
  const { data, offset } = await part(id, stream, from, start - from);
  const skipped = firstLine(data, offset === 0);
  change({ window: withBefore(window, data.subarray(skipped), offset + skipped) });
  return true;
}

async function loadAfter(id: string, stream: Stream, { window, atEnd }: LogState, change: Change): Promise<boolean> {
  if (atEnd) return false;
  const { data, next } = await part(id, stream, window.end, PIECE);
  change({ window: grown(window, data), atEnd: data.length < PIECE && next <= window.end + data.length });
  return data.length > 0;
}

async function loadAround(
  id: string,
  stream: Stream,
  offset: number,
  line: number,
  state: LogState,
  change: Change,
): Promise<number> {
  if (offset >= startOf(state.window) && offset < state.window.end) return placeOf(state.window, offset);
  const from = Math.max(0, offset - PIECE / 2);
  const { data, offset: at } = await part(id, stream, from, PIECE);
  const skipped = firstLine(data, at === 0);
  const window = grown(emptyAt(at + skipped, null), data.subarray(skipped));
  const place = placeOf(window, offset);
  change({ window: { ...window, first: line - place }, atEnd: false });
  return place;
}

interface Part {
  data: Uint8Array;
  offset: number;
  next: number;
  capped: boolean;
}

async function part(id: string, stream: Stream, offset: number, limit: number, signal?: AbortSignal): Promise<Part> {
  const response = await request("GET", `/v1/jobs/${id}/logs`, { query: { stream, offset, limit }, signal });
  const told = new Uint8Array(await response.arrayBuffer());
  const data = withoutMark(told);
  const next = Number(response.headers.get(NEXT) ?? 0);
  return { data, offset: Math.max(0, next - data.length), next, capped: data.length < told.length };
}

/** A log that reached its cap ends with a line of the server's, which is not in the file. */
function withoutMark(data: Uint8Array): Uint8Array {
  const tail = new TextDecoder().decode(data.subarray(-MARK_BYTES));
  return tail.startsWith(MARK) ? data.subarray(0, -MARK_BYTES) : data;
}
