/** Who used what, as the queue counts it, and what jobs used of what they asked for. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { api } from "@/api/client";
import type { Efficiency, EfficiencyList, UsageList, UsageRow, UsedPart } from "@/api/types";
import { Bar, Choice, type Column, Failure, Section, SkeletonRows, Table } from "@/components";
import { span, trim } from "@/state/format";
import { ref } from "@/state/jobstate";
import { useSearch } from "@/state/useSearch";
import { usageWords as say } from "@/words/cluster";
import styles from "./cluster.module.css";

type Days = keyof typeof say.periods;

const DAY_S = 86_400;
const WORST = 20;

export function Usage() {
  return (
    <>
      <Used />
      <Standing />
    </>
  );
}

function Standing() {
  const { data, error, refetch } = useQuery({
    queryKey: ["usage"],
    queryFn: ({ signal }) => api.get<UsageList>("/v1/usage", undefined, signal),
  });
  const half = data?.half_life_s;
  return (
    <Section title={say.standing} aside={half ? <span className="muted small">{say.standingHow(span(half))}</span> : undefined}>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={3} />}
      {data && data.usage.length === 0 && <p className="muted">{say.nothing}</p>}
      {data && data.usage.length > 0 && <Table label={say.standing} columns={STANDING} rows={data.usage} rowKey={(row) => `${row.account}/${row.user}`} />}
    </Section>
  );
}

const STANDING: Column<UsageRow>[] = [
  {
    key: "who",
    title: say.columns.who,
    cell: (row) => <span style={{ paddingLeft: row.depth * 16 + (row.user && row.account ? 16 : 0) }}>{row.user ?? <strong>{row.account}</strong>}</span>,
  },
  { key: "shares", title: say.columns.shares, cell: (row) => percentOf(row.shares_norm), width: "96px", align: "end", from: 640 },
  { key: "used", title: say.columns.used, cell: (row) => percentOf(row.usage_norm), width: "96px", align: "end", from: 640 },
  { key: "cpu", title: say.columns.cpu, cell: (row) => trim(row.cpu_hours), width: "112px", align: "end" },
  { key: "gpu", title: say.columns.gpu, cell: (row) => trim(row.gpu_hours), width: "112px", align: "end", from: 640 },
  { key: "stands", title: say.columns.stands, cell: stands, width: "160px", from: 900 },
];

function percentOf(part: number | null): string {
  return part === null ? "" : `${trim(part * 100)} %`;
}

function stands({ shares_norm: share, usage_norm: used }: UsageRow): string {
  if (share === null || used === null) return "";
  if (Math.abs(share - used) < 0.02) return say.stands.even;
  return used > share ? say.stands.above : say.stands.below;
}

function Used() {
  const [search, setSearch] = useSearch();
  const days: Days = search.days === "1" || search.days === "30" ? search.days : "7";
  const { data, error, refetch } = useQuery({
    queryKey: ["efficiency", days],
    queryFn: ({ signal }) => {
      const since = Math.floor(Date.now() / 1000 - Number(days) * DAY_S);
      return api.get<EfficiencyList>("/v1/efficiency", { since }, signal);
    },
  });
  const worst = useMemo(() => worstOf(data?.jobs ?? []), [data]);
  return (
    <Section
      title={say.efficiency}
      aside={<Choice label={say.period} value={days} options={PERIODS} onChange={(value) => setSearch({ days: value })} />}
    >
      {error && <Failure error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={4} />}
      {data && data.jobs.length === 0 && <p className="muted">{say.none}</p>}
      {data && data.jobs.length > 0 && (
        <>
          <p className="muted">
            {say.total(data.total.jobs)} {!data.complete && say.partial}
          </p>
          <dl className={styles.totals}>
            <Total name={say.kinds.cpu} part={data.total.cpu} />
            <Total name={say.kinds.memory} part={data.total.memory} />
            {data.total.gpu.asked ? <Total name={say.kinds.gpu} part={data.total.gpu} /> : null}
            <Total name={say.kinds.time} part={data.total.time} />
          </dl>
          {worst.length > 0 && (
            <>
              <h3 className={styles.panelHead}>{say.worst}</h3>
              <p className="muted small">{say.worstHow}</p>
              <Table label={say.worst} columns={WORST_COLUMNS} rows={worst} rowKey={(job) => String(job.id)} />
            </>
          )}
        </>
      )}
    </Section>
  );
}

const PERIODS = (Object.keys(say.periods) as Days[]).map((value) => ({ value, name: say.periods[value] }));

function Total({ name, part }: { name: string; part: UsedPart }) {
  const percent = part.percent === null ? null : Math.round(part.percent);
  const text = percent === null ? say.unmeasured : say.percent(percent);
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <Bar part={percent ?? 0} whole={100} label={`${name}: ${text}`} />
        <span className="small">{text}</span>
      </dd>
    </div>
  );
}

/** CPU seconds that were held and not used. */
function lost({ cpu }: Efficiency): number {
  return cpu.asked === null || cpu.used === null ? 0 : Math.max(0, cpu.asked - cpu.used);
}

function worstOf(jobs: readonly Efficiency[]): Efficiency[] {
  return [...jobs]
    .filter((job) => lost(job) > 60)
    .sort((a, b) => lost(b) - lost(a))
    .slice(0, WORST);
}

const WORST_COLUMNS: Column<Efficiency>[] = [
  {
    key: "id",
    title: say.job.id,
    cell: (job) => (
      <Link to="/jobs/$job" params={{ job: ref(job) }} className="mono">
        {ref(job)}
      </Link>
    ),
    width: "96px",
  },
  { key: "name", title: say.job.name, cell: (job) => job.name },
  { key: "cpu", title: say.job.cpu, cell: (job) => shown(job.cpu), width: "80px", align: "end", from: 640 },
  { key: "memory", title: say.job.memory, cell: (job) => shown(job.memory), width: "80px", align: "end", from: 640 },
  { key: "lost", title: say.job.lost, cell: (job) => say.idle(trim(lost(job) / 3600)), width: "112px", align: "end" },
];

function shown({ percent }: UsedPart): string {
  return percent === null ? "" : `${Math.round(percent)} %`;
}
