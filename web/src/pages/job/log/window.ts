/**
 * The part of a log that is held here: whole lines between two offsets, with the number of the first where it
 * is known. It grows at both ends; what is followed for long lets go of its beginning.
 */

export const LINES_MAX = 60_000;
const KEPT = 40_000;
export const MARK = "\n[launchyard: the log reached its cap;";
export const MARK_BYTES = 74;

const decoder = new TextDecoder();
const NEWLINE = 10;

export interface LogWindow {
  lines: readonly string[];
  /** Offset of each line's first byte. */
  offsets: readonly number[];
  /** Number of the first line, counted from 1; null while it is not known. */
  first: number | null;
  /** Where the next byte goes. */
  end: number;
  /** Bytes of a line whose end has not come. */
  open: Uint8Array;
  /** It was let go of its beginning while it grew. */
  cut: boolean;
}

export function emptyAt(offset: number, first: number | null): LogWindow {
  return { lines: [], offsets: [], first, end: offset, open: new Uint8Array(), cut: false };
}

/** The window with bytes that follow at its end. */
export function grown(window: LogWindow, data: Uint8Array): LogWindow {
  if (data.length === 0) return window;
  const bytes = window.open.length === 0 ? data : joined(window.open, data);
  const begin = window.end - window.open.length;
  const { lines, offsets, rest } = linesOf(bytes, begin);
  const next: LogWindow = {
    ...window,
    lines: window.lines.concat(lines),
    offsets: window.offsets.concat(offsets),
    end: window.end + data.length,
    open: rest,
  };
  return next.lines.length > LINES_MAX ? withoutBeginning(next) : next;
}

/** With whole lines that stand before its beginning. */
export function withBefore(window: LogWindow, data: Uint8Array, offset: number): LogWindow {
  const { lines, offsets } = linesOf(data, offset);
  const first = window.first === null ? null : window.first - lines.length;
  return { ...window, lines: lines.concat(window.lines), offsets: offsets.concat(window.offsets), first };
}

/** The line that is still being printed is shown too. */
export function shownLines(window: LogWindow): readonly string[] {
  return window.open.length === 0 ? window.lines : [...window.lines, decoder.decode(window.open)];
}

/** A log that reached its cap ends, as it is heard, with a line of the server's, which is not in the file. */
export function withoutMark(window: LogWindow): LogWindow {
  const last = window.lines.length - 1;
  if (window.open.length > 0 || !window.lines[last]?.startsWith(MARK.slice(1))) return window;
  const end = window.end - MARK_BYTES;
  // Before it stands the end of a line that was cut, or else nothing.
  const kept = window.offsets[last - 1] === end ? last - 1 : last;
  return { ...window, lines: window.lines.slice(0, kept), offsets: window.offsets.slice(0, kept), end };
}

export function startOf(window: LogWindow): number {
  return window.offsets[0] ?? window.end - window.open.length;
}

/** The place of the line at or before an offset. */
export function placeOf(window: LogWindow, offset: number): number {
  let low = 0;
  let high = window.offsets.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((window.offsets[middle] ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** How many lines of it end before an offset. */
export function linesBefore(window: LogWindow, offset: number): number {
  return window.offsets.filter((at) => at < offset).length;
}

/** Where the first whole line of some bytes begins; 0 where they begin a line. */
export function firstLine(data: Uint8Array, beginsLine: boolean): number {
  return beginsLine ? 0 : data.indexOf(NEWLINE) + 1;
}

function withoutBeginning(window: LogWindow): LogWindow {
  const gone = window.lines.length - KEPT;
  return {
    ...window,
    lines: window.lines.slice(gone),
    offsets: window.offsets.slice(gone),
    first: window.first === null ? null : window.first + gone,
    cut: true,
  };
}

function linesOf(bytes: Uint8Array, begin: number) {
  const lines: string[] = [];
  const offsets: number[] = [];
  let at = 0;
  for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, at)) {
    lines.push(decoder.decode(bytes.subarray(at, end)));
    offsets.push(begin + at);
    at = end + 1;
  }
  return { lines, offsets, rest: bytes.slice(at) };
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

const ERROR =
  /(?<![a-z0-9_])(?:[a-z.]*error|[a-z.]*exception|traceback|fatal|panic(?:ked)?|segmentation fault|core dumped|killed|out of memory|cannot allocate memory|no space left on device|permission denied|command not found|assertion failed|aborted)(?![a-z0-9_])/i;
const HARMLESS = /\b0 errors?\b|\bno errors?\b|errors?[ =:]+0\b|without errors?/i;

/** A line as the server names it: its number, the offset of its first byte, its text. */
export type Named = [line: number, offset: number, text: string];

/** As the server looks for them. */
export function tellsOfError(line: string): boolean {
  return line.length < 4000 && ERROR.test(line) && !HARMLESS.test(line);
}
