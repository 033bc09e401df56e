/** What the page of a job asks the server. */

import { queryOptions } from "@tanstack/react-query";
import { api, request } from "@/api/client";
import type { Job, JobEfficiency, TaskGrid, Timeline, UsageSeries } from "@/api/types";
import type { Texts } from "./again";

export const efficiencyQuery = (id: string, state: string) =>
  queryOptions({
    queryKey: ["efficiency", id, state],
    queryFn: ({ signal }) => api.get<JobEfficiency>(`/v1/jobs/${id}/efficiency`, undefined, signal),
  });

export const timelineQuery = (id: string, state: string) =>
  queryOptions({
    queryKey: ["timeline", id, state],
    queryFn: ({ signal }) => api.get<Timeline>(`/v1/jobs/${id}/timeline`, undefined, signal),
  });

/** As it was when somebody began to look; the plots follow it. */
export const seriesQuery = (id: string, state: string) =>
  queryOptions({
    queryKey: ["series", id, state],
    queryFn: ({ signal }) => api.get<UsageSeries>(`/v1/jobs/${id}/series`, undefined, signal),
  });

export const gridQuery = (id: string) =>
  queryOptions({
    queryKey: ["grid", id],
    queryFn: ({ signal }) => api.get<TaskGrid>(`/v1/jobs/${id}/tasks`, undefined, signal),
    staleTime: 0,
  });

/** Its script and runtime environment; neither ever changes. */
export const textsQuery = (id: string, job: Job) =>
  queryOptions({
    queryKey: ["texts", id],
    queryFn: async ({ signal }): Promise<Texts> => ({
      script: job.script === null ? null : await text(`/v1/jobs/${id}/script`, signal),
      runtimeEnv: job.runtime_env ? await api.get<Record<string, unknown>>(`/v1/jobs/${id}/runtime-env`, undefined, signal) : null,
    }),
    staleTime: Infinity,
  });

async function text(path: string, signal: AbortSignal): Promise<string> {
  return (await request("GET", path, { signal })).text();
}
