/** A terminal in this folder, or back to one that is open still. */

import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { api } from "@/api/client";
import type { TerminalList } from "@/api/types";
import { Button, Menu, MenuItem, MenuLine } from "@/components";
import { fileWords as say } from "@/words/files";

export function TerminalMenu({ path }: { path: string }) {
  const navigate = useNavigate();
  const { data } = useQuery({
    queryKey: ["terminals"],
    queryFn: ({ signal }) => api.get<TerminalList>("/v1/terminals", undefined, signal),
    staleTime: 0,
    retry: false,
  });
  const go = (search: Record<string, string>) => void navigate({ to: "/terminal", search: search as never });
  const open = data?.terminals ?? [];
  if (open.length === 0)
    return (
      <Button icon="terminal" onClick={() => go({ path })}>
        {say.terminal}
      </Button>
    );
  return (
    <Menu
      label={say.terminal}
      align="end"
      button={(properties) => (
        <Button icon="terminal" {...properties}>
          {say.terminal}
        </Button>
      )}
    >
      <MenuItem icon="plus" onSelect={() => go({ path })}>
        {say.terminalHere}
      </MenuItem>
      <MenuLine />
      {open.map((one) => (
        <MenuItem key={one.id} icon="terminal" note={say.terminalOn(one.host)} onSelect={() => go({ id: one.id })}>
          {one.title}
        </MenuItem>
      ))}
    </Menu>
  );
}
