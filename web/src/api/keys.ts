/**
 * The names under which answers are kept. Live data finds them by their first word: a list of jobs must be kept
 * under `keys.jobs(filter)` as a `JobPage` (or pages of an infinite query), one job under `keys.job(id)`.
 */

export interface JobFilter {
  state?: string;
  user?: string;
  name?: string;
  partition?: string;
  cluster?: string;
  group?: string;
  array?: number;
  since?: string;
  limit?: number;
}

export const keys = {
  me: ["me"] as const,
  status: ["status"] as const,
  nodes: ["nodes"] as const,
  tokens: ["tokens"] as const,
  jobs: (filter: JobFilter = {}) => ["jobs", filter] as const,
  job: (id: number | string) => ["job", String(id)] as const,
  why: (id: number | string) => ["why", String(id)] as const,
  meaning: (code: string) => ["meaning", code] as const,
  sessions: ["sessions"] as const,
  session: (id: number | string) => ["session", String(id)] as const,
};
