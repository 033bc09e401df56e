/** Beside the form, as it is written: when the job would start, what is free, what would help. Nothing is made. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, sentenceOf } from "@/api/client";
import { nodesQuery } from "@/api/queries";
import type { SubmitJob, SubmittedJob, UsageList } from "@/api/types";
import { useMe } from "@/api/queries";
import { Button } from "@/components";
import { memory, percent, time, trim } from "@/state/format";
import { useNow } from "@/state/now";
import { composeWords } from "@/words/compose";
import { jobWords } from "@/words/jobs";
import { changeWord } from "../job/changes";
import { withAsked } from "./directives";
import { type Draft, submissionOf, type Wrong } from "./draft";
import styles from "./newbatch.module.css";

const { rail: said } = composeWords;
const PAUSE_MS = 300;

interface Props {
  draft: Draft;
  wrong: Wrong;
  onChange: (changes: Record<string, unknown>) => void;
}

export function Rail({ draft, wrong, onChange }: Props) {
  const body = useLater(JSON.stringify(submissionOf(withAsked(draft))));
  const ready = Object.keys(wrong).length === 0;
  const { data, error, isFetching } = useQuery({
    queryKey: ["dry-run", body],
    queryFn: ({ signal }) =>
      api.post<SubmittedJob>("/v1/jobs", { ...(JSON.parse(body) as SubmitJob), dry_run: true }, { signal }),
    enabled: ready,
    staleTime: 5_000,
    gcTime: 60_000,
    placeholderData: (before) => before,
  });
  return (
    <aside className={styles.rail} aria-label={said.title} aria-live="polite" aria-busy={isFetching}>
      <section>
        <h2>{said.title}</h2>
        {!ready ? (
          <p className="muted">{said.nothing}</p>
        ) : error ? (
          <>
            <p className={styles.cannot}>{said.refused}</p>
            <p>{error.message}</p>
          </>
        ) : data ? (
          <Start job={data} onChange={onChange} />
        ) : (
          <p className="muted">{said.looking}</p>
        )}
      </section>
      <Free />
      <Share />
    </aside>
  );
}

function Start({ job, onChange }: { job: SubmittedJob; onChange: Props["onChange"] }) {
  const now = useNow(10_000);
  const { estimate, reason, sooner, advice } = job;
  const at = estimate ? said.about(time(estimate.start, now)) : null;
  return (
    <>
      <p className={styles.start}>{reason === null ? said.now : (at ?? said.waits)}</p>
      {reason !== null && estimate && (
        <p className="muted">{said.between(time(estimate.low, now), time(estimate.high, now))}</p>
      )}
      {reason && <p>{sentenceOf(reason)}</p>}
      {sooner && sooner.length > 0 && (
        <div className={styles.sooner}>
          <h3>{said.sooner}</h3>
          {sooner.slice(0, 3).map((one) => (
            <Button key={one.command} small onClick={() => onChange(one.changes)}>
              {jobWords.why.soonerAt(changeWord(one.changes), time(one.start, now))}
            </Button>
          ))}
        </div>
      )}
      {advice && (
        <div className={styles.sooner}>
          <h3>{said.advice}</h3>
          <p>{advice.sentence}</p>
          <Button small onClick={() => onChange(advice.changes)}>
            {said.take}
          </Button>
        </div>
      )}
    </>
  );
}

export function Free() {
  const { data: nodes } = useQuery(nodesQuery);
  if (!nodes) return null;
  const up = nodes.filter((node) => node.state === "UP");
  const sum = (of: (node: (typeof up)[number]) => number) => up.reduce((total, node) => total + of(node), 0);
  const rows: [string, string, string][] = [
    [jobWords.job.cpu, trim(sum((node) => node.cpus - node.used.cpus)), trim(sum((node) => node.cpus))],
    [jobWords.job.memory, memory(sum((node) => node.memory_mib - node.used.memory_mib)), memory(sum((node) => node.memory_mib))],
    [jobWords.job.gpu, trim(sum((node) => node.gpus - node.used.gpus)), trim(sum((node) => node.gpus))],
  ];
  return (
    <section>
      <h3>{said.free}</h3>
      <dl className={styles.free}>
        {rows
          .filter(([, , all]) => all !== "0")
          .map(([name, free, all]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd className="mono">{said.of(free, all)}</dd>
            </div>
          ))}
      </dl>
    </section>
  );
}

/** Only where shares are set: then who used more than theirs waits longer. */
export function Share() {
  const me = useMe();
  const { data } = useQuery({
    queryKey: ["usage", me.user],
    queryFn: ({ signal }) => api.get<UsageList>("/v1/usage", { user: me.user }, signal),
    retry: false,
  });
  const row = data?.usage.find((one) => one.user === me.user && one.shares_norm !== null && one.usage_norm !== null);
  if (!row) return null;
  return (
    <section>
      <h3>{said.share}</h3>
      <p className="muted">{said.shareUsed(percent(row.usage_norm ?? 0, 1), percent(row.shares_norm ?? 0, 1))}</p>
    </section>
  );
}

/** The value once it has stood still for a moment. */
export function useLater(value: string): string {
  const [later, setLater] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLater(value), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return later;
}
