/** What the pages of sessions ask for. Events of the kind `session` bring them up to date. */

import { queryOptions, useQuery } from "@tanstack/react-query";
import { api } from "@/api/client";
import { keys } from "@/api/keys";
import { sharedNow } from "@/api/overtaken";
import { sessionsOf } from "@/api/queries";
import type { App, AppList, NotebookDetails, NotebookList, Python, PythonList, Session, SessionList } from "@/api/types";

export const sessionsQuery = queryOptions({
  queryKey: keys.sessions,
  queryFn: async ({ signal }): Promise<Session[]> =>
    sessionsOf(await sharedNow("sessions", api.get<SessionList>("/v1/sessions", undefined, signal))),
});

export function sessionQuery(id: number | string) {
  return queryOptions({
    queryKey: keys.session(id),
    queryFn: ({ signal }) => api.get<Session>(`/v1/sessions/${id}`, undefined, signal),
  });
}

export const appsQuery = queryOptions({
  queryKey: ["apps"],
  queryFn: async ({ signal }): Promise<App[]> => (await api.get<AppList>("/v1/apps", undefined, signal)).apps,
});

export const pythonsQuery = queryOptions({
  queryKey: ["pythons"],
  queryFn: async ({ signal }): Promise<Python[]> => (await api.get<PythonList>("/v1/pythons", undefined, signal)).pythons,
  staleTime: 60_000,
});

export function notebooksQuery(id: number) {
  return queryOptions({
    queryKey: ["notebooks", id],
    queryFn: ({ signal }) => api.get<NotebookList>(`/v1/sessions/${id}/notebooks`, undefined, signal),
    // What was edited meanwhile has no event of its own: it is read each time the dialog opens.
    staleTime: 0,
    gcTime: 0,
  });
}

export function notebookQuery(id: number, path: string) {
  return queryOptions({
    queryKey: ["notebook", id, path],
    queryFn: ({ signal }) => api.get<NotebookDetails>(`/v1/sessions/${id}/notebook`, { path }, signal),
    staleTime: 0,
    gcTime: 0,
  });
}

export function useSessions() {
  return useQuery(sessionsQuery);
}
