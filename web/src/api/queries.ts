/** What several pages ask for. A page's own questions live beside the page. */

import { queryOptions, useQuery } from "@tanstack/react-query";
import { Problem, api, setCsrf } from "./client";
import { type JobFilter, keys } from "./keys";
import { jobNow, pageNow, sharedNow } from "./overtaken";
import type { Job, JobPage, Me, Node, NodeList, Session, SessionList, Status, Token, TokenList, Why } from "./types";

export const meQuery = queryOptions({
  queryKey: keys.me,
  queryFn: async ({ signal }): Promise<Me> => {
    const me = await api.get<Me>("/v1/me", undefined, signal);
    setCsrf(me.csrf ?? "");
    return me;
  },
  staleTime: Infinity,
  retry: (count, error) => !(error instanceof Problem && error.status === 401) && count < 2,
});

/** The status with what the daemon says of itself. */
export interface ServerStatus extends Status {
  url: string;
  state: string;
  version: string;
  started_at: number;
  cpus: number;
  memory_mib: number;
  gpus: number;
  nodes: number;
  enforcement: Record<string, unknown>;
  clusters?: ClusterStatus[];
}

/** `cannot`: what its engine lacks, each with the sentence that a submission is refused with. */
export interface ClusterStatus {
  name: string;
  engine: string;
  answers: boolean;
  cannot: Record<string, string>;
}

export const statusQuery = queryOptions({
  queryKey: keys.status,
  queryFn: ({ signal }) => sharedNow("status", api.get<ServerStatus>("/v1/status", undefined, signal)),
});

/** The names of the clusters, the default one first, where there are several; else none: there is no choice. */
export function useClusters(): readonly string[] {
  const { data } = useQuery({ ...statusQuery, select: clusterNames, staleTime: 60_000 });
  return data && data.length > 1 ? data : NO_CHOICE;
}

const NO_CHOICE: readonly string[] = [];

function clusterNames(status: ServerStatus): string[] {
  return (status.clusters ?? []).map((one) => one.name);
}

export const nodesQuery = queryOptions({
  queryKey: keys.nodes,
  queryFn: async ({ signal }): Promise<Node[]> =>
    nodesOf(await sharedNow("nodes", api.get<NodeList>("/v1/nodes", undefined, signal))),
});

export function nodesOf(list: NodeList): Node[] {
  return list.nodes;
}

/** Those that have a card. */
export function sessionsOf(list: SessionList): Session[] {
  return list.sessions.filter((one) => !one.deleted);
}

export const tokensQuery = queryOptions({
  queryKey: keys.tokens,
  queryFn: async ({ signal }): Promise<Token[]> => (await api.get<TokenList>("/v1/tokens", undefined, signal)).tokens,
});

export function jobsQuery(filter: JobFilter) {
  return queryOptions({
    queryKey: keys.jobs(filter),
    queryFn: ({ signal }) => pageNow(api.get<JobPage>("/v1/jobs", { ...filter }, signal), filter),
    // What is patched stays the same where nothing changed; to compare all of it once more is the most of a change.
    structuralSharing: false,
  });
}

/** The last jobs of somebody, whatever became of them: for the bell, and for what to start again. */
export function recentQuery(user: string) {
  return jobsQuery({ user, limit: 40 });
}

export function jobQuery(id: number | string) {
  return queryOptions({
    queryKey: keys.job(id),
    queryFn: ({ signal }) => jobNow(api.get<Job>(`/v1/jobs/${id}`, undefined, signal)),
  });
}

export function whyQuery(id: number | string) {
  return queryOptions({
    queryKey: keys.why(id),
    queryFn: ({ signal }) => api.get<Why>(`/v1/jobs/${id}/why`, undefined, signal),
  });
}

/** The frame asks for it before it shows a page, so within the frame it is there. */
export function useMe(): Me {
  const { data } = useQuery(meQuery);
  return data ?? NOBODY;
}

const NOBODY: Me = {
  user: "",
  uid: -1,
  admin: false,
  role: "user",
  coordinates: [],
  rights: [],
  mode: "one-user",
  cluster: "",
  version: "",
  hosts: [],
  session_host: null,
  last_event: "",
  csrf: null,
  login: null,
};
