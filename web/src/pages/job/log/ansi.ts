/** Colours that programs print (ANSI, ECMA-48 "SGR") as runs of text with class names. Pure. */

export interface Run {
  text: string;
  /** Words that name colours and weights: `red bright bold`. */
  look: string;
}

const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;
// eslint-disable-next-line no-control-regex
const ESCAPE = /\u001b(?:\[([0-9;:]*)m|\[[0-9;:?<=>]*[ -/]*[@-ln-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g;

interface Style {
  colour: string;
  ground: string;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underlined: boolean;
  turned: boolean;
}

const PLAIN: Style = { colour: "", ground: "", bold: false, dim: false, italic: false, underlined: false, turned: false };

/** The runs of a line. Most lines have no escape and are one run. */
export function runsOf(line: string): Run[] {
  const text = overwritten(line);
  if (!text.includes("\u001b")) return [{ text, look: "" }];
  const runs: Run[] = [];
  let style = PLAIN;
  let at = 0;
  for (const match of text.matchAll(ESCAPE)) {
    if (match.index > at) runs.push({ text: text.slice(at, match.index), look: lookOf(style) });
    at = match.index + match[0].length;
    if (match[1] !== undefined) style = styled(style, match[1]);
  }
  if (at < text.length) runs.push({ text: text.slice(at), look: lookOf(style) });
  return runs;
}

/** The line as text alone. */
export function plain(line: string): string {
  const text = overwritten(line);
  return text.includes("\u001b") ? text.replace(ESCAPE, "") : text;
}

/** A progress bar prints over itself: what came after the last carriage return is what stands there. */
function overwritten(line: string): string {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  const at = text.lastIndexOf("\r");
  return at < 0 ? text : text.slice(at + 1);
}

function styled(style: Style, codes: string): Style {
  const numbers = codes === "" ? [0] : codes.split(/[;:]/).map(Number);
  let now = style;
  for (let at = 0; at < numbers.length; at++) {
    const code = numbers[at] ?? 0;
    if (code === 38 || code === 48) {
      const [name, used] = extended(numbers.slice(at + 1));
      now = code === 38 ? { ...now, colour: name } : { ...now, ground: name };
      at += used;
    } else now = simple(now, code);
  }
  return now;
}

function simple(style: Style, code: number): Style {
  if (code === 0) return PLAIN;
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  if (code === 3) return { ...style, italic: true };
  if (code === 4) return { ...style, underlined: true };
  if (code === 7) return { ...style, turned: true };
  if (code === 22) return { ...style, bold: false, dim: false };
  if (code === 23) return { ...style, italic: false };
  if (code === 24) return { ...style, underlined: false };
  if (code === 27) return { ...style, turned: false };
  if (code === 39) return { ...style, colour: "" };
  if (code === 49) return { ...style, ground: "" };
  if (code >= 30 && code <= 37) return { ...style, colour: COLOURS[code - 30] ?? "" };
  if (code >= 90 && code <= 97) return { ...style, colour: COLOURS[code - 90] ?? "" };
  if (code >= 40 && code <= 47) return { ...style, ground: COLOURS[code - 40] ?? "" };
  if (code >= 100 && code <= 107) return { ...style, ground: COLOURS[code - 100] ?? "" };
  return style;
}

/** Of 256 colours the nearest of the eight that are readable in both themes; how many numbers that took. */
function extended(numbers: readonly number[]): [string, number] {
  if (numbers[0] === 5) return [COLOURS[nearestOf256(numbers[1] ?? 0)] ?? "", 2];
  if (numbers[0] === 2) return [COLOURS[nearest(numbers[1] ?? 0, numbers[2] ?? 0, numbers[3] ?? 0)] ?? "", 4];
  return ["", 0];
}

function nearestOf256(code: number): number {
  if (code < 16) return code % 8;
  if (code >= 232) return code < 244 ? 0 : 7;
  const cube = code - 16;
  const part = (value: number) => (value % 6) * 51;
  return nearest(part(Math.floor(cube / 36)), part(Math.floor(cube / 6)), part(cube));
}

function nearest(red: number, green: number, blue: number): number {
  const most = Math.max(red, green, blue);
  if (most < 64) return 0;
  const bit = (value: number, weight: number) => (value > most / 2 ? weight : 0);
  return bit(red, 1) + bit(green, 2) + bit(blue, 4);
}

function lookOf(style: Style): string {
  const names = [
    style.colour,
    style.ground && `on-${style.ground}`,
    style.bold && "bold",
    style.dim && "dim",
    style.italic && "italic",
    style.underlined && "underlined",
    style.turned && "turned",
  ];
  return names.filter(Boolean).join(" ");
}
