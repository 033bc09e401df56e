/** Right of a job: asked against used, where it runs, and the job as a command or a program. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useClusters } from "@/api/queries";
import type { Job, JobEfficiency, TaskSpread, TasksUsed, UsedPart } from "@/api/types";
import { Ago, Bar, Button, copyText, Facts, Menu, MenuItem, toast, toastFailure } from "@/components";
import { duration, memory, percent, trim } from "@/state/format";
import { hasEnded } from "@/state/jobstate";
import { jobWords } from "@/words/jobs";
import { toLy, toPython, toSbatch } from "./again";
import { efficiencyQuery, seriesQuery, textsQuery } from "./questions";
import styles from "./job.module.css";

const { job: said, act } = jobWords;

export function Aside({ job, id }: { job: Job; id: string }) {
  const clusters = useClusters();
  return (
    <aside className={styles.aside} aria-label={said.asked}>
      <Used job={job} id={id} />
      <Facts facts={factsOf(job, clusters)} />
      <CopyAs job={job} id={id} />
    </aside>
  );
}

function Used({ job, id }: { job: Job; id: string }) {
  const { data } = useQuery({ ...efficiencyQuery(id, job.state), enabled: job.started_at !== null });
  const isArray = job.array !== null && job.array.index === null;
  return (
    <section className={styles.used}>
      <h2>{said.asked}</h2>
      {isArray ? <OfTasks job={job} tasks={data?.tasks ?? null} /> : <OfOne job={job} id={id} efficiency={data} />}
    </section>
  );
}

function OfOne({ job, id, efficiency }: { job: Job; id: string; efficiency: JobEfficiency | undefined }) {
  const { cpus, memory_mib: mib, gpus } = job.resources;
  const now = useQuery({ ...seriesQuery(id, job.state), enabled: job.started_at !== null && !hasEnded(job.state) });
  const cpu = efficiency?.cpu.used == null ? soFar(now.data?.rates.cpus, cpus, "mean") : efficiency.cpu;
  const memoryUsed = efficiency?.memory.used == null ? soFar(now.data?.rates.memory_mib, mib, "peak") : efficiency.memory;
  return (
    <>
      <UsedBar name={said.cpu} asked={cpuWord(cpus)} part={cpu} show={(used, of) => `${trim((used / (of || 1)) * cpus)} of ${cpuWord(cpus)}`} />
      <UsedBar name={said.memory} asked={memory(mib)} part={memoryUsed} show={(used, of) => said.used(memory(used), memory(of))} />
      {gpus > 0 && <UsedBar name={said.gpu} asked={trim(gpus)} part={undefined} show={() => trim(gpus)} />}
      <UsedBar
        name={said.time}
        asked={job.time_limit_s === null ? "-" : duration(job.time_limit_s)}
        part={efficiency?.time}
        show={(used, of) => said.used(duration(used), duration(of))}
      />
    </>
  );
}

/** Of a job that still runs: what was measured so far, of what it holds. */
function soFar(values: readonly (number | null)[] | undefined, asked: number, how: "mean" | "peak"): UsedPart | undefined {
  const known = values?.filter((value) => value !== null) ?? [];
  if (known.length === 0) return undefined;
  const used = how === "peak" ? Math.max(...known) : known.reduce((sum, value) => sum + value, 0) / known.length;
  return { used, asked, percent: null };
}

/** Of an array: how much its tasks used of what each asked for. */
function OfTasks({ job, tasks }: { job: Job; tasks: TasksUsed | null }) {
  const { cpus, memory_mib: mib } = job.resources;
  const rows: [string, string, TaskSpread | null | undefined][] = [
    [said.cpu, cpuWord(cpus), tasks?.cpu],
    [said.memory, memory(mib), tasks?.memory],
    [said.time, job.time_limit_s === null ? "-" : duration(job.time_limit_s), tasks?.time],
  ];
  return rows.map(([name, asked, spread]) => (
    <div className={styles.usedRow} key={name}>
      <span className="muted">{name}</span>
      <span className="mono">{spread ? `${said.median(Math.round(spread.median))}` : asked}</span>
      {spread && (
        <div className={styles.usedBar}>
          <Bar part={spread.median} whole={100} label={`${name}: ${said.spread(Math.round(spread.lowest), Math.round(spread.highest))}`} />
        </div>
      )}
    </div>
  ));
}

interface UsedBarProps {
  name: string;
  asked: string;
  part: UsedPart | undefined;
  show: (used: number, asked: number) => string;
}

function UsedBar({ name, asked, part, show }: UsedBarProps) {
  const known = part !== undefined && part.used !== null && part.asked !== null;
  const text = known ? show(part.used ?? 0, part.asked ?? 0) : asked;
  return (
    <div className={styles.usedRow}>
      <span className="muted">{name}</span>
      <span className="mono">{text}</span>
      {known && (
        <div className={styles.usedBar}>
          <Bar part={part.used ?? 0} whole={part.asked ?? 0} label={`${name}: ${text}, ${percent(part.used ?? 0, part.asked ?? 0)} %`} />
        </div>
      )}
    </div>
  );
}

function cpuWord(cpus: number): string {
  return `${trim(cpus)} ${cpus === 1 ? "CPU" : "CPUs"}`;
}

function factsOf(job: Job, clusters: readonly string[]): (readonly [string, ReactNode])[] {
  const facts: (readonly [string, ReactNode] | false)[] = [
    job.nodes.length > 0 && [job.nodes.length === 1 ? said.node : said.nodes, job.nodes.join(", ")],
    job.working_dir !== null && [
      said.directory,
      <Link to="/files/$" params={{ _splat: job.working_dir.replace(/^\//, "") }} key="dir" className="mono">
        {job.working_dir}
      </Link>,
    ],
    clusters.length > 0 && [said.cluster, job.engine_id === null ? job.cluster : said.knownThere(job.cluster, job.engine_id)],
    [said.partition, job.partition],
    job.account !== null && [said.account, job.account],
    [said.submitted, <Ago at={job.submitted_at} key="at" />],
    [said.by, job.user],
    job.group !== null && [
      said.group,
      <Link to="/groups/$group" params={{ group: job.group }} key="group">
        {job.group}
      </Link>,
    ],
    job.array !== null &&
      job.array.index !== null && [
        said.array,
        <Link to="/jobs/$job" params={{ job: String(job.array.job_id) }} key="array" className="mono">
          {job.array.job_id}
        </Link>,
      ],
    job.after !== null && [said.after, <span className="mono" key="after">{job.after}</span>],
    job.nice !== 0 && [said.priority, String(job.nice)],
  ];
  return facts.filter((fact) => fact !== false);
}

const FORMS = { ly: toLy, sbatch: toSbatch, Python: toPython } as const;

function CopyAs({ job, id }: { job: Job; id: string }) {
  const client = useQueryClient();
  const copy = async (name: keyof typeof FORMS) => {
    try {
      const { script } = await client.ensureQueryData(textsQuery(id, job));
      await copyText(FORMS[name](job, script));
      toast(act.copied(name));
    } catch (error) {
      toastFailure(error);
    }
  };
  return (
    <Menu
      label={act.copyAs}
      button={(properties) => (
        <Button small icon="copy" {...properties}>
          {act.copyAs}
        </Button>
      )}
    >
      {(Object.keys(FORMS) as (keyof typeof FORMS)[]).map((name) => (
        <MenuItem key={name} onSelect={() => void copy(name)}>
          {name}
        </MenuItem>
      ))}
    </Menu>
  );
}
