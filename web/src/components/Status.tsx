/** A state: glyph, word and colour together. */

import type { JobState } from "@/api/types";
import { type Glyph, LOOKS, type Tone } from "@/state/jobstate";
import styles from "./Status.module.css";

export function Status({ state, word }: { state: JobState; word?: string }) {
  const look = LOOKS[state];
  return <StatusMark glyph={look.glyph} tone={look.tone} word={word ?? look.word} />;
}

/** The same for what has states of its own (sessions, nodes, uploads). */
export function StatusMark({ glyph, tone, word }: { glyph: Glyph; tone: Tone; word: string }) {
  return (
    <span className={`${styles.status} ${styles[tone]}`}>
      <StatusGlyph glyph={glyph} />
      {word}
    </span>
  );
}

export function StatusGlyph({ glyph }: { glyph: Glyph }) {
  return (
    <svg className={styles.glyph} width="12" height="12" viewBox="0 0 12 12" aria-hidden="true" focusable="false">
      {DRAWN[glyph]}
    </svg>
  );
}

const ring = <circle cx="6" cy="6" r="4.6" fill="none" stroke="currentColor" strokeWidth="1.6" />;
const line = { fill: "none", stroke: "currentColor", strokeWidth: 1.8, strokeLinecap: "round" } as const;

const DRAWN: Record<Glyph, React.ReactNode> = {
  hollow: ring,
  quarter: (
    <>
      {ring}
      <path d="M6 6V1.4A4.6 4.6 0 0 1 10.6 6z" fill="currentColor" />
    </>
  ),
  full: <circle cx="6" cy="6" r="5.2" fill="currentColor" />,
  pause: <path d="M4 2.5v7M8 2.5v7" {...line} />,
  tick: <path d="m1.8 6.4 2.9 2.9 5.5-6.2" {...line} strokeLinejoin="round" />,
  cross: <path d="m2.4 2.4 7.2 7.2M9.6 2.4 2.4 9.6" {...line} />,
  stop: (
    <>
      {ring}
      <path d="m2.9 9.1 6.2-6.2" {...line} strokeWidth="1.6" />
    </>
  ),
  bang: <path d="M6 2v4.6M6 9.6v.1" {...line} strokeWidth="2.2" />,
};
