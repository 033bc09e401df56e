/** What people ask a cluster for, each in the partition where it can be had. Pure but for the question. */

import { queryOptions } from "@tanstack/react-query";
import { api } from "@/api/client";
import type { Node, Resources, Rows } from "@/api/types";
import { clusterWords as say } from "@/words/cluster";

export interface Partition {
  name: string;
  cluster: string;
  byDefault: boolean;
  nodes: readonly string[];
}

export interface Ask {
  name: string;
  /** null: the default one. */
  partition: string | null;
  resources: Resources;
}

export const partitionsQuery = queryOptions({
  queryKey: ["partitions"] as const,
  queryFn: async ({ signal }): Promise<Partition[]> => {
    const { rows } = await api.get<Rows>("/v1/tables/partitions", { columns: "name,cluster,default,nodes" }, signal);
    return rows.map(([name, cluster, byDefault, nodes]) => ({
      name: String(name),
      cluster: String(cluster),
      byDefault: byDefault === true,
      nodes: nodes as string[],
    }));
  },
  staleTime: 60_000,
});

/** One CPU, a few, GPUs, a whole node: those of the default partition before others. */
export function asksOf(nodes: readonly Node[], partitions: readonly Partition[]): Ask[] {
  const byDefault = partitions.find((one) => one.byDefault) ?? partitions[0];
  const home = nodes.filter((node) => !byDefault || byDefault.nodes.includes(node.name));
  const cpus = most(home, (node) => node.cpus);
  const asks: Ask[] = [{ name: say.asks.cpu, partition: null, resources: { cpus: 1 } }];
  if (cpus > 4) asks.push({ name: say.asks.some, partition: null, resources: { cpus: 4, memory_mib: 8192 } });
  if (cpus > 1) asks.push({ name: say.asks.node, partition: null, resources: { cpus } });
  return [...asks, ...gpuAsks(nodes, partitions, byDefault)];
}

function gpuAsks(nodes: readonly Node[], partitions: readonly Partition[], byDefault: Partition | undefined): Ask[] {
  const gpus = most(nodes, (node) => node.gpus);
  const counts = gpus > 1 ? [1, gpus] : gpus === 1 ? [1] : [];
  return counts.map((count) => {
    const fitting = new Set(nodes.filter((node) => node.gpus >= count).map((node) => node.name));
    const has = (one: Partition) => one.nodes.some((node) => fitting.has(node));
    const there = byDefault && has(byDefault) ? byDefault : partitions.find(has);
    const elsewhere = there && there !== byDefault ? there.name : null;
    const name = count === 1 ? say.asks.gpu : say.asks.gpus(count);
    return { name: elsewhere ? say.asks.at(name, elsewhere) : name, partition: elsewhere, resources: { gpus: count } };
  });
}

function most(nodes: readonly Node[], of: (node: Node) => number): number {
  return nodes.reduce((highest, node) => Math.max(highest, of(node)), 0);
}
