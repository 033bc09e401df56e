/** The rules of the queue, as the server has them in force. */

import { type QueryClient, queryOptions } from "@tanstack/react-query";
import { api } from "@/api/client";
import type { RulesInForce } from "@/api/types";

export const policyKey = ["policy"] as const;

export const policyQuery = queryOptions({
  queryKey: policyKey,
  queryFn: ({ signal }) => api.get<RulesInForce>("/v1/admin/policy", undefined, signal),
});

/** The rules as somebody's change here left them; an answer that is still on its way may be from before. */
export async function keepRules(client: QueryClient, rules: RulesInForce): Promise<void> {
  await client.cancelQueries({ queryKey: policyKey });
  client.setQueryData(policyKey, rules);
}

/** What a partition's table holds; what is not set is as the configuration page says. */
export interface PartitionRules {
  name: string;
  nodes?: string | string[];
  default?: boolean;
  state?: PartitionState;
  tier?: number;
  time_limit?: string;
  time_limit_max?: string;
}

export type PartitionState = "up" | "down" | "drain" | "inactive";

export function partitionsOf(rules: RulesInForce): PartitionRules[] {
  const found = rules.tables.partitions;
  return Array.isArray(found) ? (found as PartitionRules[]) : [];
}

/** Changes one key of one partition at run time; the answer is the rules as they are now. */
export function setPartition(name: string, key: string, value: string): Promise<RulesInForce> {
  return api.post<RulesInForce>("/v1/admin/policy", { kind: "partition", name, values: { [key]: value } });
}
