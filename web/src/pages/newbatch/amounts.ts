/** Amounts as people write them, read and shown: 4G, 90m. Pure. */

const MEMORY: Record<string, number> = { K: 1 / 1024, M: 1, G: 1024, T: 1024 * 1024 };
const TIME: Record<string, number> = { s: 1, m: 60, min: 60, h: 3600, d: 86400, w: 604800 };

/** MiB; null: it is not understood, or has no unit. */
export function readMemory(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([KMGT])(?:i?B)?\s*$/i.exec(text);
  if (!match) return null;
  return Math.ceil(Number(match[1]) * (MEMORY[(match[2] ?? "M").toUpperCase()] ?? 1));
}

/** Seconds, of 2h, 1h30m, 90m, 1-12:00:00, 12:30:00; null: it is not understood. */
export function readDuration(text: string): number | null {
  const clock = /^\s*(?:(\d+)-)?(\d+):(\d\d)(?::(\d\d))?\s*$/.exec(text);
  if (clock) {
    const [days, one, two, three] = [clock[1], clock[2], clock[3], clock[4]].map((part) => Number(part ?? 0));
    const [hours, minutes, seconds] = clock[4] === undefined && !clock[1] ? [0, one, two] : [one, two, three];
    return (days ?? 0) * 86400 + (hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0);
  }
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)\s*/gy)];
  if (parts.length === 0 || parts.map((part) => part[0]).join("") !== text.trimStart()) return null;
  return Math.round(parts.reduce((sum, part) => sum + Number(part[1]) * (TIME[part[2] ?? "s"] ?? 1), 0));
}

/** 4G, 1500M. */
export function shownMemory(mib: number): string {
  if (!mib) return "";
  return mib % 1024 === 0 ? `${mib / 1024}G` : `${mib}M`;
}

/** 2h, 90m, 45s, 1d. */
export function shownDuration(seconds: number): string {
  for (const [unit, length] of [["d", 86400], ["h", 3600], ["m", 60]] as const)
    if (seconds >= length && seconds % length === 0) return `${seconds / length}${unit}`;
  return `${seconds}s`;
}
