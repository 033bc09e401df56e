/** Name, number, state, and the one sentence: why it waits, how long is left, why it ended. */

import { useQuery } from "@tanstack/react-query";
import { whyQuery } from "@/api/queries";
import type { Job } from "@/api/types";
import { Ago, Status, useFlash } from "@/components";
import { duration } from "@/state/format";
import { ACTIVE, hasEnded, leftSeconds, ref, sentence } from "@/state/jobstate";
import { useNow } from "@/state/now";
import { jobWords } from "@/words/jobs";
import { tally } from "../jobs/describe";
import { rowOfJob } from "./convert";
import styles from "./job.module.css";

export function Head({ job }: { job: Job }) {
  return (
    <div className={styles.head}>
      <h1>{job.name}</h1>
      <p className={styles.subhead}>
        <span className={`mono ${styles.number}`}>{ref(job)}</span>
        <span ref={useFlash<HTMLSpanElement>(job.state)}>
          <Status state={job.state} />
        </span>
        <Sentence job={job} />
      </p>
    </div>
  );
}

export function Sentence({ job }: { job: Job }) {
  if (job.stale_since !== null) return <span>{jobWords.job.stale}</span>;
  if (job.array && job.array.index === null) return <span>{tally(rowOfJob(job))}</span>;
  if (ACTIVE.includes(job.state)) return <Left job={job} />;
  if (hasEnded(job.state)) return <Ended job={job} />;
  return <span className={styles.sentence}>{sentence(job)}</span>;
}

function Left({ job }: { job: Job }) {
  const left = leftSeconds(job, useNow());
  return <span>{left === null ? "" : jobWords.job.left(duration(left))}</span>;
}

/** The server looked at the log of what failed and says what it means. */
function Ended({ job }: { job: Job }) {
  const { data } = useQuery({ ...whyQuery(ref(job)), enabled: job.state !== "COMPLETED" });
  const told = data?.reason ?? job.cause;
  return (
    <span className={styles.sentence}>
      {job.state !== "COMPLETED" && told ? `${told} ` : ""}
      {job.ended_at && (
        <span className="muted">
          <Ago at={job.ended_at} />
        </span>
      )}
    </span>
  );
}
