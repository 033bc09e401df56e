/** How long the queue is, and when something would be free: asked of the scheduler by submissions that make nothing. */

import { useQueries, useQuery } from "@tanstack/react-query";
import { Problem, api } from "@/api/client";
import type { Node, SubmittedJob } from "@/api/types";
import { Section, Skeleton } from "@/components";
import { time } from "@/state/format";
import { useNow } from "@/state/now";
import { clusterWords as say } from "@/words/cluster";
import { type Ask, asksOf, partitionsQuery } from "./asks";
import styles from "./cluster.module.css";

interface Counters {
  states: Record<string, number>;
}

/** Asked again with the nodes, which are read anew when jobs or they themselves move. */
export function Forecast({ nodes, cluster }: { nodes: readonly Node[]; cluster: string }) {
  const moved = nodes.reduce((sum, node) => sum + node.used.cpus * 7 + node.used.jobs * 13 + node.used.gpus + (node.state === "UP" ? 0 : 0.01), 0);
  const { data: counters } = useQuery({
    queryKey: ["counters", moved],
    queryFn: ({ signal }) => api.get<Counters>("/v1/counters", undefined, signal),
    placeholderData: (before) => before,
    gcTime: 10_000,
  });
  const { data: every } = useQuery(partitionsQuery);
  const partitions = every?.filter((one) => !cluster || one.cluster === cluster);
  const states = counters?.states ?? {};
  const waiting = states.PENDING ?? 0;
  const running = (states.RUNNING ?? 0) + (states.STARTING ?? 0) + (states.COMPLETING ?? 0) + (states.SUSPENDED ?? 0);
  return (
    <aside className={styles.aside}>
      <Section title={say.queue}>{counters ? <p>{say.depth(waiting, running)}</p> : <Skeleton width={160} />}</Section>
      <Section title={say.soon}>
        {partitions ? <Answers asks={asksOf(nodes, partitions)} cluster={cluster || null} moved={moved} /> : <Skeleton width={200} height={96} />}
        <p className="muted small">{say.soonHow}</p>
      </Section>
    </aside>
  );
}

function Answers({ asks, cluster, moved }: { asks: readonly Ask[]; cluster: string | null; moved: number }) {
  const now = useNow(10_000);
  const answers = useQueries({
    queries: asks.map((ask) => ({
      queryKey: ["dry-run", "forecast", ask, cluster, moved],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        api.post<SubmittedJob>(
          "/v1/jobs",
          { command: ["true"], resources: ask.resources, partition: ask.partition, cluster, dry_run: true },
          { signal },
        ),
      placeholderData: (before: SubmittedJob | undefined) => before,
      gcTime: 10_000,
      retry: false,
    })),
  });
  return (
    <dl className={styles.forecast}>
      {asks.map((ask, index) => (
        <div key={ask.name}>
          <dt>{ask.name}</dt>
          <dd>
            <Answer job={answers[index]?.data} error={answers[index]?.error ?? null} now={now} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Answer({ job, error, now }: { job: SubmittedJob | undefined; error: Error | null; now: number }) {
  if (error) return <span title={error.message}>{error instanceof Problem && error.status === 422 ? say.never : say.unknown}</span>;
  if (!job) return <Skeleton width={80} />;
  if (job.reason === null) return <strong className={styles.now}>{say.now}</strong>;
  if (!job.estimate) return <span title={job.reason}>{say.unknown}</span>;
  const { start, low, high } = job.estimate;
  return (
    <span title={job.reason}>
      <strong>{say.about(time(start, now))}</strong>
      <span className={`${styles.band} muted small`}>{say.between(time(low, now), time(high, now))}</span>
    </span>
  );
}
