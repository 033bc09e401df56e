/** Why it waits, when it may start and what would help; of a job that ended badly, why it did. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { changeJob } from "@/api/changejob";
import { sentenceOf } from "@/api/client";
import { keys } from "@/api/keys";
import { whyQuery } from "@/api/queries";
import type { Job, Sooner, Why } from "@/api/types";
import { At, Button, CopyLine, Failure, SkeletonRows, toast, toastFailure } from "@/components";
import { time } from "@/state/format";
import { hasEnded } from "@/state/jobstate";
import { useNow } from "@/state/now";
import { words } from "@/words";
import { jobWords } from "@/words/jobs";
import { changeWord } from "./changes";
import styles from "./job.module.css";

const { why: said } = jobWords;

export function WhyPanel({ job, id }: { job: Job; id: string }) {
  const { data, error, refetch } = useQuery(whyQuery(id));
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <SkeletonRows rows={4} />;
  return hasEnded(job.state) ? <Ended why={data} /> : <Waits why={data} job={job} id={id} />;
}

function Ended({ why }: { why: Why }) {
  if (!why.reason && !why.cause) return null;
  return (
    <section className={styles.ended}>
      <p className={styles.reason}>
        {sentenceOf(why.reason ?? why.cause ?? "")} <More why={why} />
      </p>
      {why.line && (
        <figure>
          <figcaption className="muted small">{said.line}</figcaption>
          <pre className={styles.line}>{why.line}</pre>
        </figure>
      )}
      {why.command && (
        <figure>
          <figcaption className="muted small">{said.help}</figcaption>
          <CopyLine text={why.command} />
        </figure>
      )}
      {why.log_unread && <p className="muted small">{why.log_unread}</p>}
    </section>
  );
}

/** To the page of the code of a reason. */
function More({ why }: { why: Why }) {
  const code = why.type?.split("/").pop();
  if (!code) return null;
  return (
    <Link to="/errors/$code" params={{ code }} className={styles.more}>
      {words.meaning.link}
    </Link>
  );
}

function Waits({ why, job, id }: { why: Why; job: Job; id: string }) {
  return (
    <div className={styles.waits}>
      <section>
        <h2>{said.short}</h2>
        <p className={styles.reason}>
          {why.reason && sentenceOf(why.reason)} <More why={why} />
        </p>
        <p>
          {said.ahead(why.ahead.count)}
          {why.ahead.jobs.length > 0 && ": "}
          {why.ahead.jobs.slice(0, 5).map((ahead) => (
            <Link key={ahead} to="/jobs/$job" params={{ job: String(ahead) }} className={`mono ${styles.aheadJob}`}>
              {ahead}
            </Link>
          ))}
        </p>
        {why.overtaken_until && (
          <p className="muted">
            <Overtaken at={why.overtaken_until} />
          </p>
        )}
      </section>
      <section>
        <h2>{said.start}</h2>
        {why.estimate ? <Band why={why} submitted={job.submitted_at} /> : <p className="muted">{said.noEstimate}</p>}
      </section>
      {why.sooner.length > 0 && (
        <section>
          <h2>{said.sooner}</h2>
          <div className={styles.sooner}>
            {why.sooner.slice(0, 3).map((one) => (
              <SoonerButton key={one.command} sooner={one} job={job} id={id} />
            ))}
          </div>
        </section>
      )}
    </div>
  );
}

function Overtaken({ at }: { at: string }) {
  const now = useNow(60_000);
  return said.overtaken(time(at, now));
}

/** The estimate as a band between the earliest and the latest time, on an axis that begins now. */
function Band({ why }: { why: Why; submitted: string }) {
  const now = useNow(10_000);
  const estimate = why.estimate;
  if (!estimate) return null;
  const [start, low, high] = [estimate.start, estimate.low, estimate.high].map((at) => Math.max(now, new Date(at).getTime()));
  if (start === undefined || low === undefined || high === undefined) return null;
  const end = now + Math.max(60_000, (high - now) * 1.15);
  const place = (at: number) => `${((at - now) / (end - now)) * 100}%`;
  return (
    <div className={styles.band}>
      <p>
        <b>{said.about(time(start, now))}</b> <span className="muted">({said.between(time(low, now), time(high, now))})</span>
        {why.record && why.record.count > 0 && <span className="muted"> · {said.right(why.record.right, why.record.count)}</span>}
      </p>
      <div className={styles.axis} role="img" aria-label={said.between(time(low, now), time(high, now))}>
        <span className={styles.range} style={{ left: place(low), width: `calc(${place(high)} - ${place(low)} + 2px)` }} />
        <span className={styles.mark} style={{ left: place(start) }} />
      </div>
      <div className={`${styles.axisEnds} muted small`}>
        <span>{said.now}</span>
        <span>
          <At at={end} />
        </span>
      </div>
    </div>
  );
}

function SoonerButton({ sooner, job, id }: { sooner: Sooner; job: Job; id: string }) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const now = useNow(60_000);
  const change = async () => {
    setBusy(true);
    try {
      await changeJob(client, job, sooner.changes);
      void client.invalidateQueries({ queryKey: keys.why(id) });
      toast(jobWords.act.changed);
    } catch (error) {
      toastFailure(error);
    }
    setBusy(false);
  };
  return (
    <Button changes busy={busy} onClick={() => void change()} title={sooner.command}>
      {said.soonerAt(changeWord(sooner.changes), time(sooner.start, now))}
    </Button>
  );
}
