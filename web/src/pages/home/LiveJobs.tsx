/** What runs, with the time that is left; what waits, with its reason and when it may start. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { memo, type ReactNode } from "react";
import { whyQuery } from "@/api/queries";
import type { Job, JobState } from "@/api/types";
import { At, Bar, Section, type Segment, SegmentBar, Status, useFlash } from "@/components";
import { useLater } from "@/components/Skeleton";
import { duration, span } from "@/state/format";
import { LOOKS, hasEnded, leftSeconds, ranSeconds, ref } from "@/state/jobstate";
import { useNow } from "@/state/now";
import { words } from "@/words";
import styles from "./home.module.css";

const SHOWN = 8;
const ASKED_AFTER_MS = 800;
/** A minute, and as much as the clock may be behind. */
const SECONDS_BELOW_S = 70;

export function Running({ jobs }: { jobs: readonly Job[] }) {
  return (
    <List title={words.home.running} none={words.home.runningNone} jobs={jobs} state="running">
      {(job) => <RunningRow key={job.id} job={job} />}
    </List>
  );
}

export function Waiting({ jobs }: { jobs: readonly Job[] }) {
  return (
    <List title={words.home.waiting} none={words.home.waitingNone} jobs={jobs} state="pending">
      {(job) => <WaitingRow key={job.id} job={job} />}
    </List>
  );
}

interface ListProps {
  title: string;
  none: string;
  jobs: readonly Job[];
  state: string;
  children: (job: Job) => ReactNode;
}

function List({ title, none, jobs, state, children }: ListProps) {
  const aside = jobs.length > SHOWN && (
    <Link to="/jobs" search={{ state } as never}>
      {words.home.all(jobs.length)}
    </Link>
  );
  return (
    <Section title={title} label={title} aside={aside}>
      {jobs.length === 0 && <p className={styles.none}>{none}</p>}
      <ul>{jobs.slice(0, SHOWN).map(children)}</ul>
    </Section>
  );
}

const RunningRow = memo(function RunningRow({ job }: { job: Job }) {
  return (
    <li className={styles.live} ref={useFlash<HTMLLIElement>(job.state)}>
      <Name job={job} />
      <Status state={job.state} />
      {job.array ? <TasksDone job={job} /> : <Ran job={job} />}
    </li>
  );
});

/** Of a running row what moves with the time: in seconds as long as seconds are told. */
function Ran({ job }: { job: Job }) {
  const about = useNow(10_000);
  const shown = leftSeconds(job, about) ?? ranSeconds(job, about) ?? 0;
  const now = useNow(shown < SECONDS_BELOW_S ? 1000 : 10_000);
  const left = leftSeconds(job, now);
  const ran = ranSeconds(job, now) ?? 0;
  return (
    <>
      <span className={styles.bar}>
        {job.time_limit_s && <Bar part={ran} whole={job.time_limit_s} label={words.home.ranOf(span(ran), span(job.time_limit_s))} free />}
      </span>
      <span className={styles.time}>{left === null ? duration(ran) : words.home.left(duration(left))}</span>
    </>
  );
}

function TasksDone({ job }: { job: Job }) {
  return (
    <>
      <span className={styles.bar}>
        <SegmentBar segments={segmentsOf(job)} />
      </span>
      <span className={styles.time}>{tasksDone(job)}</span>
    </>
  );
}

const WaitingRow = memo(function WaitingRow({ job }: { job: Job }) {
  // When it may start is found by planning with it: asked for those alone that are shown, and not of one that starts at once.
  const later = useLater(ASKED_AFTER_MS);
  const waitsLong = Date.now() - new Date(job.submitted_at).getTime() > ASKED_AFTER_MS;
  const { data: why } = useQuery({ ...whyQuery(ref(job)), enabled: later || waitsLong });
  const estimate = why?.estimate;
  return (
    <li className={styles.waiting} ref={useFlash<HTMLLIElement>(job.state)}>
      <Name job={job} />
      <span className={styles.why} title={job.reason ?? undefined}>
        {job.reason}
      </span>
      <span className={styles.time}>
        {estimate ? (
          <>
            {words.home.about} <At at={estimate.start} />
          </>
        ) : (
          why && "-"
        )}
      </span>
    </li>
  );
});

function Name({ job }: { job: Job }) {
  return (
    <Link to={`/jobs/${ref(job)}`} className={styles.name}>
      <span className="mono">{ref(job)}</span> <b title={job.name}>{job.name}</b>
    </Link>
  );
}

/** 48 of 200 */
function tasksDone(job: Job): string {
  const counts = Object.entries(job.array?.counts ?? {}) as [JobState, number][];
  const done = counts.reduce((sum, [state, count]) => (hasEnded(state) ? sum + count : sum), 0);
  return words.home.of(String(done), String(job.array?.size ?? 0));
}

/** An array's tasks by state, those that wait last. */
export function segmentsOf(job: Job): Segment[] {
  const counts = Object.entries(job.array?.counts ?? {}) as [JobState, number][];
  const told = counts.map(([state, count]) => ({ tone: LOOKS[state].tone, word: LOOKS[state].word, count }));
  return [...told, { tone: "pending" as const, word: words.home.waitWord, count: job.array?.waiting ?? 0 }];
}
