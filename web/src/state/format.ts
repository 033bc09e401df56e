/** Numbers, amounts and times as people read them. Pure. */

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

/** 512 MiB, 1.5 GiB, 2 TiB. */
export function memory(mib: number): string {
  if (mib < 1024) return `${trim(mib)} MiB`;
  if (mib < 1024 * 1024) return `${trim(mib / 1024)} GiB`;
  return `${trim(mib / 1024 / 1024)} TiB`;
}

export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  if (count < 1024 * 1024) return `${trim(count / 1024)} KiB`;
  return memory(count / 1024 / 1024);
}

/** As the terminal has it: 4c 8G 1 GPU. */
export function resources(asked: { cpus: number; memory_mib: number; gpus: number; nodes: number }): string {
  const parts = [`${amount(asked.cpus)}c`, memory(asked.memory_mib).replace(" ", "").replace("iB", "")];
  if (asked.gpus > 0) parts.push(`${amount(asked.gpus)} GPU`);
  if (asked.nodes > 1) parts.push(`${asked.nodes} nodes`);
  return parts.join(" ");
}

/** 42s, 4m, 1h56m, 2d3h. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  if (s < MINUTE) return `${s}s`;
  if (s < HOUR) return `${Math.floor(s / MINUTE)}m`;
  if (s < DAY) return join(Math.floor(s / HOUR), "h", Math.floor((s % HOUR) / MINUTE), "m");
  return join(Math.floor(s / DAY), "d", Math.floor((s % DAY) / HOUR), "h");
}

/** In words: 4 min, 1 h 56 min. */
export function span(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  if (s < MINUTE) return `${s} s`;
  if (s < HOUR) return `${Math.floor(s / MINUTE)} min`;
  if (s < DAY) return pair(Math.floor(s / HOUR), "h", Math.floor((s % HOUR) / MINUTE), "min");
  return pair(Math.floor(s / DAY), "d", Math.floor((s % DAY) / HOUR), "h");
}

/** now, 4 min ago, in 20 min, 3 d ago. */
export function ago(at: string | number | Date, now: number): string {
  const seconds = (now - new Date(at).getTime()) / 1000;
  if (Math.abs(seconds) < 5) return "now";
  const rough = roughly(Math.abs(seconds));
  return seconds > 0 ? `${rough} ago` : `in ${rough}`;
}

function roughly(s: number): string {
  if (s < MINUTE) return `${Math.floor(s)} s`;
  if (s < HOUR) return `${Math.floor(s / MINUTE)} min`;
  if (s < DAY) return `${Math.floor(s / HOUR)} h`;
  return `${Math.floor(s / DAY)} d`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const clockSeconds = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" } as never);
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "short" });
const dayAndClock = new Intl.DateTimeFormat(undefined, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium", hourCycle: "h23" } as never);

/** 14:20, Sun 14:20 of the days around, 3 Dec, 14:20 of others. */
export function time(at: string | number | Date, now: number): string {
  const date = new Date(at);
  if (date.toDateString() === new Date(now).toDateString()) return clock.format(date);
  const near = Math.abs(date.getTime() - now) < 6 * DAY * 1000;
  return near ? `${weekday.format(date)} ${clock.format(date)}` : dayAndClock.format(date);
}

/** 14:02:11 */
export function timeWithSeconds(at: string | number | Date): string {
  return clockSeconds.format(new Date(at));
}

/** The whole of it, for what shows on hover. */
export function exact(at: string | number | Date): string {
  return full.format(new Date(at));
}

/** One decimal at most, and none that says nothing. */
export function trim(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** CPUs and GPUs: as exact as they are asked for. */
export function amount(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

export function percent(part: number, whole: number): number {
  return whole > 0 ? Math.round((part / whole) * 100) : 0;
}

/** 1 job, 2 jobs. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

function join(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small > 0 ? `${big}${bigUnit}${small}${smallUnit}` : `${big}${bigUnit}`;
}

function pair(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small > 0 ? `${big} ${bigUnit} ${small} ${smallUnit}` : `${big} ${bigUnit}`;
}
