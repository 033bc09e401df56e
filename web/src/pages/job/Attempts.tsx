/** Every try to run it, the last one first. */

import type { Job, Past } from "@/api/types";
import { Ago, Section, Status } from "@/components";
import { duration } from "@/state/format";
import { jobWords } from "@/words/jobs";
import styles from "./job.module.css";

const { job: said } = jobWords;

export function Attempts({ job }: { job: Job }) {
  const now: Past = {
    attempt: job.attempt,
    state: job.state,
    nodes: job.nodes,
    started_at: job.started_at,
    ended_at: job.ended_at,
    exit_code: job.exit_code,
    signal: job.signal,
    cause: job.cause,
  };
  const known = job.past_attempts.some((past) => past.attempt === job.attempt);
  const all = [...job.past_attempts, ...(known ? [] : [now])].reverse();
  return (
    <Section title={said.tabs.attempts}>
      <ol className={styles.attempts}>
        {all.map((past) => (
          <li key={past.attempt}>
            <b>{said.attempt(past.attempt)}</b>
            <Status state={past.state} />
            <span className="mono">{lengthOf(past)}</span>
            <span>{past.nodes.join(", ")}</span>
            <span className={styles.cause}>{past.cause}</span>
            {past.ended_at && (
              <span className="muted">
                <Ago at={past.ended_at} />
              </span>
            )}
          </li>
        ))}
      </ol>
    </Section>
  );
}

function lengthOf({ started_at, ended_at }: Past): string {
  if (started_at === null || ended_at === null) return "-";
  return duration((new Date(ended_at).getTime() - new Date(started_at).getTime()) / 1000);
}
