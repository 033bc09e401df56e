/**
 * A square a task. Up to some hundred are links in the document; more are painted, as ten thousand elements
 * would make the page slow; then arrows move among them, and the table below has those that failed.
 */

import { Link } from "@tanstack/react-router";
import { type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from "react";
import { LOOKS, type Tone } from "@/state/jobstate";
import { onColours } from "@/state/preference";
import type { TaskSquare } from "./taskgrid";
import styles from "./job.module.css";

const LINKS_MAX = 400;
const SIDE = 12;
const GAP = 3;
const STEP = SIDE + GAP;

interface Props {
  squares: readonly TaskSquare[];
  label: string;
  nameOf: (square: TaskSquare) => string;
  refOf: (square: TaskSquare) => string;
  onOpen: (square: TaskSquare) => void;
}

export function TaskCanvas(props: Props) {
  return props.squares.length <= LINKS_MAX ? <Links {...props} /> : <Painted {...props} />;
}

function Links({ squares, label, nameOf, refOf }: Props) {
  return (
    <ul className={styles.grid} aria-label={label}>
      {squares.map((square) => (
        <li key={square.index}>
          <Link
            to="/jobs/$job"
            params={{ job: refOf(square) }}
            className={styles.square}
            data-tone={LOOKS[square.state].tone}
            title={nameOf(square)}
            aria-label={nameOf(square)}
            preload={false}
          />
        </li>
      ))}
    </ul>
  );
}

function Painted({ squares, label, nameOf, onOpen }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [current, setCurrent] = useState(0);
  const [colours, setColours] = useState(0);
  const across = Math.max(1, Math.floor((width + GAP) / STEP));
  const height = Math.ceil(squares.length / across) * STEP;
  useEffect(() => {
    const element = canvas.current?.parentElement;
    if (!element) return;
    const watch = new ResizeObserver(() => setWidth(element.clientWidth));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  useEffect(() => onColours(() => setColours((before) => before + 1)), []);
  useEffect(() => {
    if (canvas.current && width > 0) paint(canvas.current, squares, across, width, height, current);
  }, [squares, across, width, height, current, colours]);
  const at = (event: PointerEvent) => {
    const column = Math.floor(event.nativeEvent.offsetX / STEP);
    const line = Math.floor(event.nativeEvent.offsetY / STEP);
    const place = line * across + column;
    return column < across ? squares[place] && place : undefined;
  };
  const onKey = (event: KeyboardEvent) => {
    const moves: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across };
    const move = moves[event.key];
    const square = squares[current];
    if (move !== undefined) {
      event.preventDefault();
      setCurrent(Math.min(squares.length - 1, Math.max(0, current + move)));
    } else if (event.key === "Enter" && square) onOpen(square);
  };
  const shown = squares[current];
  return (
    <div className={styles.painted}>
      <canvas
        ref={canvas}
        tabIndex={0}
        role="img"
        aria-label={shown ? `${label}. ${nameOf(shown)}` : label}
        title={shown ? nameOf(shown) : undefined}
        onPointerMove={(event) => setCurrent(at(event) ?? current)}
        onPointerUp={(event) => {
          const square = squares[at(event) ?? -1];
          if (square) onOpen(square);
        }}
        onKeyDown={onKey}
      />
    </div>
  );
}

function paint(canvas: HTMLCanvasElement, squares: readonly TaskSquare[], across: number, width: number, height: number, current: number) {
  const scale = window.devicePixelRatio || 1;
  canvas.width = width * scale;
  canvas.height = height * scale;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const brush = canvas.getContext("2d");
  if (!brush) return;
  const style = getComputedStyle(canvas);
  const colours = new Map<Tone, string>();
  const colourOf = (tone: Tone) => {
    const known = colours.get(tone) ?? style.getPropertyValue(tone === "ours" ? "--ink" : tone === "muted" ? "--line-strong" : `--${tone}`);
    colours.set(tone, known);
    return known;
  };
  brush.scale(scale, scale);
  squares.forEach(({ state }, at) => {
    const { tone } = LOOKS[state];
    const x = (at % across) * STEP;
    const y = Math.floor(at / across) * STEP;
    brush.fillStyle = brush.strokeStyle = colourOf(tone);
    if (tone === "pending") brush.strokeRect(x + 0.5, y + 0.5, SIDE - 1, SIDE - 1);
    else brush.fillRect(x, y, SIDE, SIDE);
    if (at !== current || document.activeElement !== canvas) return;
    brush.strokeStyle = style.getPropertyValue("--text");
    brush.strokeRect(x - 1, y - 1, SIDE + 2, SIDE + 2);
  });
}
