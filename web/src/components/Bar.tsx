/** Amounts as bars: used of asked, and the parts of a whole. The words beside them say the same. */

import type { Tone } from "@/state/jobstate";
import styles from "./Bar.module.css";

interface BarProps {
  part: number;
  whole: number;
  label: string;
  tone?: Tone;
  /** The rest is there to be had; without it, it was asked for and is not used, and hatched. */
  free?: boolean;
}

/** `part` of `whole`. */
export function Bar({ part, whole, label, tone = "running", free }: BarProps) {
  const share = whole > 0 ? Math.min(100, Math.max(0, (part / whole) * 100)) : 0;
  return (
    <div className={`${styles.bar} ${free ? styles.free : ""}`} role="img" aria-label={label} title={label}>
      {share > 0 && <div className={`${styles.part} ${styles[tone]}`} style={{ width: `${share}%` }} />}
    </div>
  );
}

export interface Segment {
  tone: Tone;
  count: number;
  word: string;
}

/** An array or a group: how many of its tasks are in which state. */
export function SegmentBar({ segments }: { segments: readonly Segment[] }) {
  const some = segments.filter((segment) => segment.count > 0);
  const label = some.map((segment) => `${segment.count} ${segment.word}`).join(", ");
  return (
    <div className={styles.bar} role="img" aria-label={label} title={label}>
      {some.map((segment) => (
        <div key={segment.word} className={`${styles.part} ${styles[segment.tone]}`} style={{ flexGrow: segment.count }} />
      ))}
    </div>
  );
}
