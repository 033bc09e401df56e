/** Beside the log, as high as it: where in the whole of it lines tell of errors. */

import type { LogMarks } from "@/api/types";
import { jobWords } from "@/words/jobs";
import type { Named } from "./window";
import styles from "./log.module.css";

const { log: said } = jobWords;
/** More than can be told apart are not drawn. */
const DRAWN_MAX = 100;

export function ErrorMap({ marks, onGo }: { marks: LogMarks | null; onGo: (offset: number, line: number) => void }) {
  if (!marks || marks.errors.length === 0) return null;
  const errors = marks.errors as Named[];
  const step = Math.ceil(errors.length / DRAWN_MAX);
  const drawn = errors.filter((_, at) => at % step === 0);
  return (
    <div className={styles.map} role="group" aria-label={said.map}>
      {drawn.map(([line, offset, text]) => (
        <button
          key={offset}
          type="button"
          className={styles.mapMark}
          style={{ top: `${(line / Math.max(1, marks.lines)) * 100}%` }}
          title={text}
          aria-label={said.toLine(line)}
          tabIndex={-1}
          onClick={() => onGo(offset, line)}
        />
      ))}
    </div>
  );
}
