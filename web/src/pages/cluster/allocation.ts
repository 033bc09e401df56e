/** What of each node is taken, and by whom: pure, from nodes and one's own running jobs. */

import type { Job, Node } from "@/api/types";
import { memory, trim } from "@/state/format";

export type By = "cpu" | "memory" | "gpu";

export interface Share {
  all: number;
  used: number;
  mine: number;
}

/** Of a job on several nodes each is taken to have an equal part. */
export function mineByNode(jobs: readonly Job[], by: By): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const job of jobs)
    for (const node of job.nodes) found.set(node, (found.get(node) ?? 0) + asked(job, by) / job.nodes.length);
  return found;
}

export function shareOf(node: Node, by: By, mine: ReadonlyMap<string, number>): Share {
  const [all, used] = {
    cpu: [node.cpus, node.used.cpus],
    memory: [node.memory_mib, node.used.memory_mib],
    gpu: [node.gpus, node.used.gpus],
  }[by] as [number, number];
  return { all, used, mine: Math.min(used, mine.get(node.name) ?? 0) };
}

export function amount(value: number, by: By): string {
  if (by === "memory") return memory(value);
  return `${trim(value)} ${by === "cpu" ? "CPU" : "GPU"}${value === 1 ? "" : "s"}`;
}

/** Which switches there are: GPUs only where there are any. */
export function kindsOf(nodes: readonly Node[]): By[] {
  return nodes.some((node) => node.gpus > 0) ? ["cpu", "memory", "gpu"] : ["cpu", "memory"];
}

function asked(job: Job, by: By): number {
  const { cpus, memory_mib, gpus } = job.resources;
  return { cpu: cpus, memory: memory_mib, gpu: gpus }[by];
}
