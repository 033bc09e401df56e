/** What it used as time went by, on one time axis: asked as a dashed line, what was not used hatched. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { request } from "@/api/client";
import type { Job, Rates, UsageSeries } from "@/api/types";
import { Button, Failure, SkeletonRows } from "@/components";
import { memory, percent, trim } from "@/state/format";
import { hasEnded, ref } from "@/state/jobstate";
import { jobWords } from "@/words/jobs";
import { type Line, Plot } from "./Plot";
import { efficiencyQuery } from "./questions";
import styles from "./job.module.css";

const { resources: said } = jobWords;

export function Resources({ job, id }: { job: Job; id: string }) {
  const { series, error } = useSeries(id, `${job.state} ${job.attempt}`, !hasEnded(job.state));
  const [at, setAt] = useState<number | null>(null);
  if (error) return <Failure error={error} />;
  if (!series) return <SkeletonRows rows={8} />;
  if (series.rates.at_s.length === 0) return <p className="muted">{said.none}</p>;
  const { asked, rates } = series;
  const common = { times: rates.at_s, at, onAt: setAt };
  const moved: Line[] = [
    { name: said.read, values: rates.read_mib_s, tone: "running" },
    { name: said.written, values: rates.written_mib_s, tone: "done" },
  ];
  const cpus = asked.cpus ?? 0;
  const mib = asked.memory_mib ?? 0;
  return (
    <div className={styles.stack}>
      <Plot
        {...common}
        title={said.cpu}
        lines={[{ name: said.cpu, values: rates.cpus, tone: "running" }]}
        asked={cpus}
        show={(value) => trim(value)}
        note={said.ofAsked(percent(mean(rates.cpus), cpus), `${trim(cpus)} ${cpus === 1 ? "CPU" : "CPUs"}`)}
      />
      <Plot
        {...common}
        title={said.memory}
        lines={[{ name: said.memory, values: rates.memory_mib, tone: "running" }]}
        asked={mib || null}
        show={memory}
        note={said.peak(memory(Math.max(job.usage.memory_peak_mib ?? 0, ...known(rates.memory_mib))))}
      />
      {known(rates.gpus).length > 0 && (
        <Plot
          {...common}
          title={said.gpu}
          lines={[{ name: said.gpu, values: rates.gpus, tone: "running" }]}
          asked={asked.gpus || null}
          show={(value) => trim(value)}
          note={said.ofAsked(percent(mean(rates.gpus), asked.gpus ?? 0), `${trim(asked.gpus ?? 0)} ${asked.gpus === 1 ? "GPU" : "GPUs"}`)}
        />
      )}
      {known(rates.gpu_memory_mib).length > 0 && (
        <Plot
          {...common}
          title={said.gpuMemory}
          lines={[{ name: said.gpuMemory, values: rates.gpu_memory_mib, tone: "running" }]}
          asked={null}
          show={memory}
          note={said.peak(memory(Math.max(...known(rates.gpu_memory_mib))))}
        />
      )}
      {known(rates.read_mib_s).length > 0 && (
        <Plot {...common} title={said.io} lines={moved} asked={null} show={(value) => said.perSecond(memory(value))} />
      )}
      <Advice job={job} id={id} />
    </div>
  );
}

function Advice({ job, id }: { job: Job; id: string }) {
  const navigate = useNavigate();
  const { data } = useQuery(efficiencyQuery(id, job.state));
  if (!data?.advice) return hasEnded(job.state) && data ? <p className="muted">{said.noAdvice}</p> : null;
  const { sentence, changes } = data.advice;
  const use = () =>
    void navigate({ to: "/new/batch", search: { from: ref(job), with: JSON.stringify(changes) } as never });
  return (
    <p className={styles.advice}>
      {sentence}
      <Button small onClick={use}>
        {said.use}
      </Button>
    </p>
  );
}

function known(values: readonly (number | null)[]): number[] {
  return values.filter((value) => value !== null);
}

function mean(values: readonly (number | null)[]): number {
  const all = known(values);
  return all.length === 0 ? 0 : all.reduce((sum, value) => sum + value, 0) / all.length;
}

/** The series so far and, while the job runs and somebody looks, each new moment as the server tells it. */
function useSeries(id: string, state: string, live: boolean): { series: UsageSeries | null; error: Error | null } {
  const client = useQueryClient();
  const [series, setSeries] = useState<UsageSeries | null>(null);
  const [error, setError] = useState<Error | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const take = (line: string) => {
      if (stop.signal.aborted) return;
      const told = JSON.parse(line) as UsageSeries | { more: Rates };
      setSeries((now) => ("more" in told ? now && { ...now, rates: together(now.rates, told.more) } : told));
    };
    void read(id, live, stop.signal, take).catch((reason: unknown) => {
      if (!stop.signal.aborted) setError(reason instanceof Error ? reason : new Error(String(reason)));
    });
    return () => stop.abort();
  }, [client, id, live, state]);
  return { series, error };
}

async function read(id: string, live: boolean, signal: AbortSignal, take: (line: string) => void): Promise<void> {
  const response = await request("GET", `/v1/jobs/${id}/series`, { query: { follow: live ? 1 : undefined }, signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let left = "";
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: "" };
    const lines = (left + (value ?? "")).split("\n");
    left = lines.pop() ?? "";
    for (const line of lines) take(line);
    if (!done) continue;
    if (left) take(left);
    return;
  }
}

function together(one: Rates, other: Rates): Rates {
  return {
    at_s: [...one.at_s, ...other.at_s],
    cpus: [...one.cpus, ...other.cpus],
    memory_mib: [...one.memory_mib, ...other.memory_mib],
    read_mib_s: [...one.read_mib_s, ...other.read_mib_s],
    written_mib_s: [...one.written_mib_s, ...other.written_mib_s],
    gpus: [...one.gpus, ...other.gpus],
    gpu_memory_mib: [...one.gpu_memory_mib, ...other.gpu_memory_mib],
  };
}
