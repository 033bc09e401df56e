/** The filters of a page, kept in its address. */

import { useNavigate, useSearch as useRouterSearch } from "@tanstack/react-router";
import { useCallback } from "react";
import type { Search } from "./search";

/** What the address says, and a way to change some of it; `undefined` takes one away. */
export function useSearch(): [Partial<Search>, (change: Record<string, string | undefined>, push?: boolean) => void] {
  const search = useRouterSearch({ strict: false }) as Partial<Search>;
  const navigate = useNavigate();
  const change = useCallback(
    (changes: Record<string, string | undefined>, push = false) => {
      void navigate({
        to: ".",
        search: (before: Search) => ({ ...before, ...changes }),
        replace: !push,
        resetScroll: false,
      } as never);
    },
    [navigate],
  );
  return [search, change];
}
