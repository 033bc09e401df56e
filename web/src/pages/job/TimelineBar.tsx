/** From submission to its end, to scale: waited, environment, ran. */

import { useQuery } from "@tanstack/react-query";
import type { Job, TimePart } from "@/api/types";
import { exact, span } from "@/state/format";
import { hasEnded } from "@/state/jobstate";
import { useNow } from "@/state/now";
import { jobWords } from "@/words/jobs";
import { timelineQuery } from "./questions";
import styles from "./job.module.css";

const { job: said } = jobWords;

export function TimelineBar({ job, id }: { job: Job; id: string }) {
  const { data } = useQuery(timelineQuery(id, `${job.state} ${job.attempt}`));
  if (!data) return <div className={styles.timeline} />;
  return hasEnded(job.state) ? <Drawn parts={data.parts} now={0} /> : <Going parts={data.parts} />;
}

function Going({ parts }: { parts: readonly TimePart[] }) {
  return <Drawn parts={parts} now={useNow()} />;
}

function Drawn({ parts, now }: { parts: readonly TimePart[]; now: number }) {
  const all = parts.filter((part) => part.since !== null).map((part) => ({ ...part, seconds: secondsOf(part, now) }));
  const total = all.reduce((sum, part) => sum + part.seconds, 0);
  // What took less than a hundredth of it all would be a stroke without room for its word.
  const seen = all.filter((part) => part.seconds >= total / 100 || part.name === "ran");
  return (
    <ol className={styles.timeline} aria-label={said.timeline}>
      {seen.map((part) => (
        <li
          key={`${part.name} ${part.since}`}
          className={styles.span}
          data-name={part.name}
          data-state={part.state ?? undefined}
          style={{ flexGrow: Math.max(part.seconds, total / 1000, 0.001) }}
          title={`${exact(part.since ?? 0)}${part.until ? ` – ${exact(part.until)}` : ""}`}
        >
          <span className={styles.spanBar} />
          <span className={styles.spanText}>
            {said.parts[part.name]} {part.seconds < 1 ? said.moment : span(part.seconds)}
          </span>
        </li>
      ))}
    </ol>
  );
}

function secondsOf(part: TimePart, now: number): number {
  const end = part.until === null ? now : new Date(part.until).getTime();
  return Math.max(0, (end - new Date(part.since ?? 0).getTime()) / 1000);
}
