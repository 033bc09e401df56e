/**
 * The table of jobs: a real table of which only the rows in sight are in the document. Made for ten thousand
 * jobs that move while somebody scrolls: each row is laid out for itself, nothing is measured while drawing,
 * and no row has a place of its own to change (that alone took browsers longer than all the rest).
 */

import { useNavigate } from "@tanstack/react-router";
import { type MouseEvent, useCallback, useRef } from "react";
import { useClusters } from "@/api/queries";
import { useInSight, useRowHeight } from "@/components/useInSight";
import { useTableKeys } from "@/components/useTableKeys";
import { useNow } from "@/state/now";
import { jobWords } from "@/words/jobs";
import type { Line } from "./fold";
import { Glimpse, JobLineRow } from "./JobLineRow";
import styles from "./table.module.css";

const { list: said } = jobWords;

interface Props {
  lines: readonly Line[];
  users: boolean;
  selected: ReadonlySet<string>;
  onSelect: (selected: ReadonlySet<string>) => void;
  onFold: (key: string) => void;
  onOpen: (line: Line) => void;
  openKey: string | undefined;
}

export function JobTable({ lines, users, selected, onSelect, onFold, onOpen, openKey }: Props) {
  const body = useRef<HTMLTableSectionElement>(null);
  const height = useRowHeight();
  const { first, count, fast, scrollTo } = useInSight(body, lines.length, height);
  const now = useNow();
  const clusters = useClusters().length > 0;
  const latest = useRef({ lines, selected, onSelect, onOpen });
  latest.current = { lines, selected, onSelect, onOpen };
  const toggle = useCallback((key: string) => {
    const next = new Set(latest.current.selected);
    if (!next.delete(key)) next.add(key);
    latest.current.onSelect(next);
  }, []);
  const current = useTableKeys({
    enabled: true,
    count: lines.length,
    scrollTo,
    open: (index) => lines[index] && onOpen(lines[index]),
    select: (index) => lines[index] && toggle(lines[index].key),
  });
  const onClick = useClicks(latest);
  const last = Math.min(lines.length, first + count);
  const shown = [];
  for (let index = first; index < last; index++) {
    const line = lines[index];
    if (!line) continue;
    shown.push(
      fast ? (
        // Other lines in the same rows: to change their text is half the work of new ones.
        <Glimpse key={index % count} line={line} index={index} selected={selected.has(line.key)} />
      ) : (
        <JobLineRow
          key={line.key}
          line={line}
          index={index}
          users={users}
          clusters={clusters}
          selected={selected.has(line.key)}
          current={index === current}
          open={line.key === openKey}
          now={line.kind === "job" && line.row.ended_at === null ? now : 0}
          onToggle={toggle}
          onFold={onFold}
        />
      ),
    );
  }
  return (
    // Its display is a block's, so that rows can be placed: the roles say that it is a table all the same.
    <table className={styles.table} role="table" aria-label={said.label} aria-rowcount={lines.length + 1} data-users={users} onClick={onClick}>
      <thead role="rowgroup" className={styles.head}>
        <Head lines={lines} selected={selected} onSelect={onSelect} />
      </thead>
      <tbody role="rowgroup" ref={body} className={styles.body} style={{ height: lines.length * height, paddingTop: first * height }}>
        {shown}
      </tbody>
    </table>
  );
}

function Head({ lines, selected, onSelect }: Pick<Props, "lines" | "selected" | "onSelect">) {
  const { columns } = said;
  const all = selected.size > 0 && lines.every((line) => selected.has(line.key));
  return (
    <tr role="row" aria-rowindex={1} className={styles.row}>
      <th role="columnheader" scope="col" className={styles.check}>
        <input
          type="checkbox"
          aria-label={said.selectAll}
          checked={all}
          onChange={() => onSelect(all ? new Set() : new Set(lines.filter((line) => line.kind !== "more").map((line) => line.key)))}
        />
      </th>
      {(["id", "name", "user", "state", "time", "left", "asked", "why"] as const).map((name) => (
        <th key={name} role="columnheader" scope="col" className={styles[name]}>
          {columns[name]}
        </th>
      ))}
    </tr>
  );
}

/** Links go where they lead without loading the page; a click beside them opens the line. */
function useClicks(latest: { current: Pick<Props, "lines" | "onOpen"> }) {
  const navigate = useNavigate();
  return (event: MouseEvent) => {
    const target = event.target as Element;
    const link = target.closest("a");
    if (link) {
      if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      void navigate({ to: decodeURI(link.pathname) });
      return;
    }
    const index = target.closest("button, input, label") ? null : target.closest<HTMLElement>("tr[data-index]")?.dataset.index;
    const line = index ? latest.current.lines[Number(index)] : undefined;
    if (line) latest.current.onOpen(line);
  };
}
