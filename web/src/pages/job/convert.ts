/** A whole job as the row that lists and acts work with. Pure. */

import type { Job, JobState } from "@/api/types";
import type { JobRow } from "../jobs/rows";

export function rowOfJob(job: Job): JobRow {
  const { array } = job;
  return {
    id: job.id ?? 0,
    name: job.name,
    user: job.user,
    kind: job.kind,
    state: job.state,
    partition: job.partition,
    cluster: job.cluster,
    group: job.group,
    submitted_at: seconds(job.submitted_at) ?? 0,
    started_at: seconds(job.started_at),
    ended_at: seconds(job.ended_at),
    limit_s: job.time_limit_s,
    cpus: job.resources.cpus,
    memory_mib: job.resources.memory_mib,
    gpus: job.resources.gpus,
    nodes: job.nodes.join(",") || null,
    held: job.held,
    reason_code: null,
    reason: job.reason,
    cause: job.cause,
    exit_code: job.exit_code,
    signal: job.signal,
    peak_mib: job.usage.memory_peak_mib,
    array:
      array && array.index === null
        ? [array.size ?? 0, array.waiting ?? 0, (array.counts ?? {}) as Partial<Record<JobState, number>>]
        : null,
    task: array && array.index !== null ? [array.job_id, array.index] : null,
  };
}

function seconds(at: string | null): number | null {
  return at === null ? null : new Date(at).getTime() / 1000;
}
