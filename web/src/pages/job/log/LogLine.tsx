/** One line: its number, and its text in the colours that the program printed. */

import { memo, type Ref } from "react";
import { runsOf } from "./ansi";
import styles from "./log.module.css";

interface Props {
  ref?: Ref<HTMLDivElement>;
  index: number;
  top: number;
  text: string;
  number: number | null;
  chosen: boolean;
  wrong: boolean;
}

const SHOWN_MAX = 8000;

export const LogLine = memo(function LogLine({ ref, index, top, text, number, chosen, wrong }: Props) {
  const short = text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
  return (
    <div
      ref={ref}
      data-index={index}
      className={styles.line}
      data-chosen={chosen || undefined}
      data-wrong={wrong || undefined}
      style={{ transform: `translateY(${top}px)` }}
    >
      <span className={styles.number} aria-hidden="true">
        {number ?? ""}
      </span>
      <span className={styles.text}>
        {runsOf(short).map((run, at) =>
          run.look ? (
            <span key={at} className={classOf(run.look)}>
              {run.text}
            </span>
          ) : (
            run.text
          ),
        )}
        {"\n"}
      </span>
    </div>
  );
});

function classOf(look: string): string {
  return look
    .split(" ")
    .map((name) => styles[name] ?? "")
    .join(" ");
}
