/** How long the queue is, and when something would be free: asked of the scheduler by submissions that make nothing. */

import { useQueries, useQuery } from "@tanstack/react-query";
import { Problem, api } from "@/api/client";
import type { Node, Resources, SubmittedJob } from "@/api/types";
import { Section, Skeleton } from "@/components";
import { time } from "@/state/format";
import { useNow } from "@/state/now";
import { clusterWords as say } from "@/words/cluster";
import styles from "./cluster.module.css";

interface Counters {
  states: Record<string, number>;
}

/** Asked again with the nodes, which are read anew when jobs move. */
export function Forecast({ nodes }: { nodes: readonly Node[] }) {
  const moved = nodes.reduce((sum, node) => sum + node.used.cpus * 7 + node.used.jobs * 13 + node.used.gpus, 0);
  const { data: counters } = useQuery({
    queryKey: ["counters", moved],
    queryFn: ({ signal }) => api.get<Counters>("/v1/counters", undefined, signal),
    placeholderData: (before) => before,
    gcTime: 10_000,
  });
  const states = counters?.states ?? {};
  const waiting = states.PENDING ?? 0;
  const running = (states.RUNNING ?? 0) + (states.STARTING ?? 0) + (states.COMPLETING ?? 0) + (states.SUSPENDED ?? 0);
  return (
    <aside className={styles.aside}>
      <Section title={say.queue}>{counters ? <p>{say.depth(waiting, running)}</p> : <Skeleton width={160} />}</Section>
      <Section title={say.soon}>
        <Answers asks={asksOf(nodes)} moved={moved} />
        <p className="muted small">{say.soonHow}</p>
      </Section>
    </aside>
  );
}

interface Ask {
  name: string;
  resources: Resources;
}

/** What people ask for: one CPU, a few, each number of GPUs that a node has, a node. */
function asksOf(nodes: readonly Node[]): Ask[] {
  const gpus = Math.max(0, ...nodes.map((node) => node.gpus));
  const cpus = Math.max(1, ...nodes.map((node) => node.cpus));
  const asks: Ask[] = [{ name: say.asks.cpu, resources: { cpus: 1 } }];
  if (cpus > 4) asks.push({ name: say.asks.some, resources: { cpus: 4, memory_mib: 8192 } });
  if (gpus > 0) asks.push({ name: say.asks.gpu, resources: { gpus: 1 } });
  if (gpus > 1) asks.push({ name: say.asks.gpus(gpus), resources: { gpus } });
  asks.push({ name: say.asks.node, resources: { cpus, nodes: 1 } });
  return asks;
}

function Answers({ asks, moved }: { asks: readonly Ask[]; moved: number }) {
  const now = useNow(10_000);
  const answers = useQueries({
    queries: asks.map((ask) => ({
      queryKey: ["dry-run", "forecast", ask, moved],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        api.post<SubmittedJob>("/v1/jobs", { command: ["true"], resources: ask.resources, dry_run: true }, { signal }),
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
      <strong>{say.about(time(start, now))}</strong> <span className="muted small">{say.between(time(low, now), time(high, now))}</span>
    </span>
  );
}
