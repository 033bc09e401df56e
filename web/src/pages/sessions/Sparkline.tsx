/** CPUs in use over the last quarter of an hour; asked for as a dashed line. */

import { useRef } from "react";
import type { UsageSeries } from "@/api/types";
import { trim } from "@/state/format";
import { words } from "@/words/sessions";
import { useSeries } from "./useSeries";
import styles from "./SessionCard.module.css";

const SHOWN_S = 15 * 60;
const WIDTH = 200;
const HEIGHT = 32;

export function Sparkline({ id, cpus, live }: { id: number; cpus: number; live: boolean }) {
  const place = useRef<HTMLDivElement>(null);
  return (
    <div ref={place} className={styles.spark}>
      <Drawn series={useSeries(id, live, place)} cpus={cpus} />
    </div>
  );
}

function Drawn({ series, cpus }: { series: UsageSeries | null; cpus: number }) {
  const points = series ? pointsOf(series) : [];
  const last = points.at(-1);
  if (!last) return null;
  const most = Math.max(cpus, ...points.map(([, used]) => used), 0.1);
  const place = ([at, used]: Point) => `${x(at, last[0])},${(HEIGHT - (used / most) * (HEIGHT - 2)).toFixed(1)}`;
  const line = points.map(place).join(" ");
  const asked = HEIGHT - (cpus / most) * (HEIGHT - 2);
  const label = words.usage(`${trim(last[1])} / ${trim(cpus)}`);
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <title>{label}</title>
      <polygon className={styles.sparkArea} points={`${x(points[0]?.[0] ?? 0, last[0])},${HEIGHT} ${line} ${WIDTH},${HEIGHT}`} />
      <line className={styles.sparkAsked} x1="0" x2={WIDTH} y1={asked} y2={asked} />
      <polyline className={styles.sparkLine} points={line} />
    </svg>
  );
}

type Point = readonly [at: number, used: number];

function x(at: number, end: number): string {
  return (WIDTH - ((end - at) / SHOWN_S) * WIDTH).toFixed(1);
}

function pointsOf(series: UsageSeries): Point[] {
  const { at_s, cpus } = series.rates;
  const end = at_s.at(-1) ?? 0;
  return at_s.flatMap((at, index) => {
    const used = cpus[index];
    return at >= end - SHOWN_S && used !== null && used !== undefined ? [[at, used] as const] : [];
  });
}
