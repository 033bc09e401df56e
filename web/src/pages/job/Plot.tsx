/** Lines over time, drawn as SVG: some hundred points at most, sharp on paper too. */

import { type PointerEvent, useId, useRef } from "react";
import type { Tone } from "@/state/jobstate";
import { duration } from "@/state/format";
import { jobWords } from "@/words/jobs";
import styles from "./plot.module.css";

const { resources: said } = jobWords;
const WIDTH = 800;
const HEIGHT = 96;

export interface Line {
  name: string;
  values: readonly (number | null)[];
  tone: Tone;
}

interface Props {
  title: string;
  note?: string;
  times: readonly number[];
  lines: readonly Line[];
  /** Drawn dashed; what is below it and over the line was not used. */
  asked: number | null;
  show: (value: number) => string;
  /** The time that is pointed at, in all plots of a page. */
  at: number | null;
  onAt: (at: number | null) => void;
}

export function Plot({ title, note, times, lines, asked, show, at, onAt }: Props) {
  const hatch = useId();
  const box = useRef<SVGSVGElement>(null);
  // One look at the very beginning is at 0.
  const last = times[times.length - 1] || 1;
  const values = lines.flatMap((line) => line.values.filter((value) => value !== null));
  const top = Math.max(asked ?? 0, ...values, 0.001) * 1.08;
  const x = (time: number) => (time / last) * WIDTH;
  const y = (value: number) => HEIGHT - (value / top) * HEIGHT;
  const point = (event: PointerEvent) => {
    const { left, width } = box.current?.getBoundingClientRect() ?? { left: 0, width: 1 };
    onAt(nearest(times, ((event.clientX - left) / width) * last));
  };
  const place = at === null ? -1 : times.indexOf(at);
  const told = lines.map((line) => ({ ...line, value: line.values[place] ?? null }));
  const spoken = `${title}: ${note ?? ""}${asked === null ? "" : `, ${said.asked(show(asked))}`}`;
  return (
    <figure className={styles.plot}>
      <figcaption>
        <b>{title}</b>
        {place < 0 ? (
          <span className="muted">{note}</span>
        ) : (
          <span className="mono">
            {told.map(({ name, value }) => `${lines.length > 1 ? `${name} ` : ""}${value === null ? "-" : show(value)}`).join("  ")}{" "}
            <span className="muted">{said.at(duration(times[place] ?? 0))}</span>
          </span>
        )}
        {asked !== null && <span className={styles.asked}>{said.asked(show(asked))}</span>}
      </figcaption>
      <svg
        ref={box}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        className={styles.box}
        role="img"
        aria-label={spoken}
        onPointerMove={point}
        onPointerLeave={() => onAt(null)}
      >
        <defs>
          <pattern id={hatch} width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <path d="M0 0v5" className={styles.hatch} />
          </pattern>
        </defs>
        {asked !== null && lines[0] && (
          <path d={areaOf(lines[0].values, times, x, y, y(asked))} fill={`url(#${hatch})`} />
        )}
        {asked !== null && <path d={`M0 ${y(asked)}H${WIDTH}`} className={styles.dashed} />}
        {lines.map((line) => (
          <path key={line.name} d={pathOf(line.values, times, x, y)} className={styles.line} data-tone={line.tone} />
        ))}
        {place >= 0 && <path d={`M${x(times[place] ?? 0)} 0V${HEIGHT}`} className={styles.cursor} />}
      </svg>
      <div className={`${styles.axis} muted small`}>
        <span>0s</span>
        <span>{duration(last)}</span>
      </div>
    </figure>
  );
}

/** A line with gaps where nothing was measured. */
function pathOf(values: readonly (number | null)[], times: readonly number[], x: (time: number) => number, y: (value: number) => number): string {
  let drawn = "";
  let down = false;
  values.forEach((value, at) => {
    if (value !== null) drawn += `${down ? "L" : "M"}${x(times[at] ?? 0).toFixed(1)} ${y(value).toFixed(1)}`;
    down = value !== null;
  });
  return drawn;
}

/** Between the line and what was asked for. */
function areaOf(
  values: readonly (number | null)[],
  times: readonly number[],
  x: (time: number) => number,
  y: (value: number) => number,
  asked: number,
): string {
  const points = values.map((value, at) => `${x(times[at] ?? 0).toFixed(1)} ${Math.max(asked, y(value ?? 0)).toFixed(1)}`);
  const end = x(times[times.length - 1] ?? 0).toFixed(1);
  return points.length === 0 ? "" : `M${x(times[0] ?? 0).toFixed(1)} ${asked}L${points.join("L")}L${end} ${asked}Z`;
}

function nearest(times: readonly number[], wanted: number): number | null {
  let best: number | null = null;
  for (const time of times) if (best === null || Math.abs(time - wanted) < Math.abs(best - wanted)) best = time;
  return best;
}
