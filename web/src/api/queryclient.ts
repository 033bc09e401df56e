/** What is kept of the server's answers. It stays until an event says otherwise: nothing is asked in intervals. */

import { QueryClient } from "@tanstack/react-query";
import { Problem } from "./client";

export const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      gcTime: 5 * 60_000,
      refetchOnWindowFocus: false,
      refetchOnReconnect: true,
      // What the server refuses it refuses again; one that is not there may be back in a moment.
      retry: (count, error) => (!(error instanceof Problem) || error.status === 0 || error.status >= 500) && count < 2,
    },
  },
});
