/** j, k, x and Enter for the rows of a table, while nobody types elsewhere. Answers the current row, or -1. */

import { useEffect, useRef, useState } from "react";

interface Keys {
  enabled: boolean;
  count: number;
  scrollTo: (index: number) => void;
  open: (index: number) => void;
  select: (index: number) => void;
}

export function useTableKeys(keys: Keys): number {
  const [current, setCurrent] = useState(-1);
  const latest = useRef({ keys, current });
  latest.current = { keys, current };
  useEffect(() => {
    if (!keys.enabled) return;
    const onKey = (event: KeyboardEvent) => {
      const { keys: now, current: at } = latest.current;
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isElsewhere(event)) return;
      const move = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
      if (move !== undefined) {
        const next = Math.min(now.count - 1, Math.max(0, at + move));
        event.preventDefault();
        setCurrent(next);
        if (next >= 0) now.scrollTo(next);
      } else if (event.key === "x" && at >= 0) now.select(at);
      else if (event.key === "Enter" && at >= 0 && !onControl(event)) now.open(at);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [keys.enabled]);
  return Math.min(current, keys.count - 1);
}

/** Somebody types, or a dialog or menu is open. */
export function isElsewhere(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  if (document.querySelector('dialog[open], [role="menu"]')) return true;
  if (!target?.closest) return false;
  const field = target.closest<HTMLInputElement>("input, textarea, select, [contenteditable='true']");
  return field !== null && field.type !== "checkbox" && field.type !== "radio";
}

function onControl(event: KeyboardEvent): boolean {
  return (event.target as HTMLElement | null)?.closest?.("a, button, input, summary") !== null;
}
