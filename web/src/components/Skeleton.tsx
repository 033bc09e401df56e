/** Shapes of what is coming, after 300 ms: what comes sooner needs none. */

import { useEffect, useState } from "react";
import { words } from "@/words";
import styles from "./Skeleton.module.css";

/** True once this was on the page for so long. */
export function useLater(ms: number): boolean {
  const [later, setLater] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLater(true), ms);
    return () => clearTimeout(timer);
  }, [ms]);
  return later;
}

/** Rows of a table or list. It takes its place at once and shows itself later, so that nothing jumps. */
export function SkeletonRows({ rows = 6 }: { rows?: number }) {
  const visible = useLater(300);
  return (
    <div className={visible ? styles.visible : styles.hidden} role="status" aria-label={words.loading}>
      {Array.from({ length: rows }, (_, index) => (
        <div className={styles.row} key={index}>
          <span className={styles.block} style={{ width: `${8 + ((index * 7) % 5)}%` }} />
          <span className={styles.block} style={{ width: `${24 + ((index * 11) % 20)}%` }} />
          <span className={styles.block} style={{ width: `${12 + ((index * 5) % 9)}%` }} />
        </div>
      ))}
    </div>
  );
}

export function Skeleton({ width, height = 20 }: { width: number | string; height?: number }) {
  const visible = useLater(300);
  return (
    <span className={visible ? styles.visible : styles.hidden} role="status" aria-label={words.loading}>
      <span className={styles.block} style={{ width, height }} />
    </span>
  );
}
