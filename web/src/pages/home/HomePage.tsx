/** Home, in this order: what needs you, what runs, what waits, what to start again, and the cluster in one strip. */

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { jobsQuery, recentQuery, useMe } from "@/api/queries";
import type { Session } from "@/api/types";
import { Failure, Page as PageFrame, SkeletonRows } from "@/components";
import { sessionsQuery } from "@/pages/sessions/queries";
import { LIVE, WENT_WRONG } from "@/state/jobstate";
import { useNow } from "@/state/now";
import { useCalm } from "@/state/useCalm";
import { words } from "@/words";
import { Again } from "./Again";
import { ClusterStrip } from "./ClusterStrip";
import { FirstJobs } from "./FirstJobs";
import { NeedsYou } from "./NeedsYou";
import { Running, Waiting } from "./LiveJobs";
import { distinct, needing, running, waiting } from "./choosing";
import styles from "./home.module.css";

const NONE: readonly Session[] = [];

export function Page() {
  const me = useMe();
  const now = useNow(10_000);
  const live = useQuery(jobsQuery({ user: me.user, state: LIVE.join(","), limit: 200 }));
  const recent = useQuery(recentQuery(me.user));
  const failed = useQuery(jobsQuery({ user: me.user, state: WENT_WRONG.join(","), limit: 20 }));
  const { data: sessions = NONE } = useQuery(sessionsQuery);
  const started = useCalm(recent.data);
  const again = useMemo(() => distinct(started?.jobs ?? []), [started]);
  const error = live.error ?? recent.error ?? failed.error;
  if (error)
    return (
      <PageFrame title={words.home.title}>
        <Failure error={error} retry={() => void Promise.all([live, recent, failed].map((one) => one.refetch()))} />
      </PageFrame>
    );
  if (!live.data || !recent.data || !failed.data)
    return (
      <PageFrame title={words.home.title}>
        <SkeletonRows rows={12} />
      </PageFrame>
    );
  const jobs = live.data.jobs;
  if (jobs.length === 0 && recent.data.jobs.length === 0)
    return (
      <PageFrame title={words.home.title}>
        <FirstJobs />
        <ClusterStrip />
      </PageFrame>
    );
  return (
    <PageFrame title={words.home.title} head={<h1 className="unseen">{words.home.title}</h1>}>
      <NeedsYou jobs={needing(jobs, failed.data.jobs, sessions, now)} sessions={sessions} now={now} />
      <div className={styles.two}>
        <Running jobs={running(jobs)} />
        <Waiting jobs={waiting(jobs)} />
      </div>
      <Again jobs={again} sessions={sessions} />
      <ClusterStrip />
    </PageFrame>
  );
}
