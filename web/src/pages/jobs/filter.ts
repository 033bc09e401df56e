/** What the Jobs page shows, as its address says it: `?state=running,failed&user=ada&q=train`. */

import type { JobState } from "@/api/types";
import { ACTIVE, WENT_WRONG } from "@/state/jobstate";
import type { RowFilter } from "./rows";

export const KINDS = ["waiting", "running", "failed", "completed", "cancelled"] as const;
export type Kind = (typeof KINDS)[number];

const STATES: Record<Kind, readonly JobState[]> = {
  waiting: ["PENDING"],
  running: ACTIVE,
  failed: [...WENT_WRONG, "PREEMPTED"],
  completed: ["COMPLETED"],
  cancelled: ["CANCELLED"],
};

export interface Shown {
  kinds: readonly Kind[];
  user: string;
  partition: string;
  cluster: string;
  group: string;
  text: string;
  /** The job that the side panel shows. */
  open: string;
}

type Search = Record<string, unknown>;

export function shownBy(search: Search): Shown {
  const words = text(search.state).split(",");
  return {
    kinds: KINDS.filter((kind) => words.includes(kind)),
    user: text(search.user),
    partition: text(search.partition),
    cluster: text(search.cluster),
    group: text(search.group),
    text: text(search.q),
    open: text(search.open),
  };
}

/** For the address: what is empty is not in it. */
export function searchOf(shown: Shown): Record<string, string | undefined> {
  const { kinds, user, partition, cluster, group, text: q, open } = shown;
  return {
    state: kinds.join(",") || undefined,
    user: user || undefined,
    partition: partition || undefined,
    cluster: cluster || undefined,
    group: group || undefined,
    q: q || undefined,
    open: open || undefined,
  };
}

export function rowFilter(shown: Shown): RowFilter {
  const states = shown.kinds.flatMap((kind) => STATES[kind]);
  return {
    states,
    ...(shown.user && { user: shown.user }),
    ...(shown.partition && { partition: shown.partition }),
    ...(shown.cluster && { cluster: shown.cluster }),
    ...(shown.group && { group: shown.group }),
  };
}

export function isFiltered(shown: Shown): boolean {
  return shown.kinds.length > 0 || Boolean(shown.user || shown.partition || shown.cluster || shown.group || shown.text);
}

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
