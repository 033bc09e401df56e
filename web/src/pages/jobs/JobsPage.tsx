/** All jobs in one table: filters in the address, groups and arrays that fold, a panel for one of them. */

import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useDeferredValue, useEffect, useMemo, useState } from "react";
import { useMe } from "@/api/queries";
import { Button, CopyLine, Empty, Failure, LinkButton, Page as PageFrame, SkeletonRows } from "@/components";
import { seesOthers } from "@/state/rights";
import { useSearch } from "@/state/useSearch";
import { words } from "@/words";
import { jobWords } from "@/words/jobs";
import { ActionBar } from "./ActionBar";
import { refOf } from "./describe";
import { Filters } from "./Filters";
import { isFiltered, rowFilter, searchOf, type Shown, shownBy } from "./filter";
import { type Line, linesOf } from "./fold";
import { JobTable } from "./JobTable";
import { type JobRow, matchesText } from "./rows";
import { ROWS_MAX } from "./rowstore";
import { useTasksOf } from "./usetasks";
import { useRows } from "./userows";
import styles from "./jobs.module.css";

const { list: said } = jobWords;
// The table is there without it; it is fetched once all of the table is.
const panel = () => import("./JobPanel");
const JobPanel = lazy(async () => ({ default: (await panel()).JobPanel }));
const EXAMPLES = ["ly submit -- hostname", "ly run -c2 -- python3 -c 'print(6 * 7)'", "ly submit --array 1-9 -- sleep 5"];

export function Page() {
  const [search, change] = useSearch();
  const shown = useMemo(() => shownBy(search), [search]);
  const onChange = useCallback((some: Partial<Shown>) => change(searchOf({ ...shown, ...some })), [change, shown]);
  return (
    <PageFrame title={said.title}>
      <Filters shown={shown} onChange={onChange} />
      <JobList shown={shown} onChange={onChange} />
    </PageFrame>
  );
}

interface Props {
  shown: Shown;
  onChange: (some: Partial<Shown>) => void;
  /** The page of a group has no other lines. */
  folds?: boolean;
}

export function JobList({ shown, onChange, folds = true }: Props) {
  const me = useMe();
  const navigate = useNavigate();
  const { kinds, user, partition, cluster, group } = shown;
  const filter = useMemo(() => rowFilter({ ...shown, text: "", open: "" }), [kinds.join(), user, partition, cluster, group]);
  const { rows, complete, cut, store, error, retry } = useRows(filter);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const text = useDeferredValue(shown.text);
  const fitting = useMemo(() => (text ? rows.filter((row) => matchesText(row, text)) : rows), [rows, text]);
  const tasks = useTasksOf(fitting, open);
  const lines = useMemo(() => linesOf(fitting, open, folds && !text && !group, tasks), [fitting, open, folds, text, group, tasks]);
  const onFold = useCallback((key: string) => setOpen((now) => toggled(now, key)), []);
  const openLine = (line: Line) => {
    if (line.kind === "group") onFold(line.key);
    else if (line.kind === "more") void navigate({ to: "/jobs/$job/$tab", params: { job: String(line.row.id), tab: "tasks" } });
    else if (shown.open === refOf(line.row)) void navigate({ to: "/jobs/$job", params: { job: shown.open } });
    else onChange({ open: refOf(line.row) });
  };
  const chosen = useMemo(() => (selected.size > 0 ? chosenOf(lines, selected) : []), [lines, selected]);
  useEffect(() => {
    if (complete) void panel();
  }, [complete]);
  if (error) return <Failure error={error} retry={retry} />;
  if (rows.length === 0) return complete ? <Nothing shown={shown} onChange={onChange} /> : <SkeletonRows rows={12} />;
  return (
    <>
      <JobTable
        lines={lines}
        users={seesOthers(me) && user !== me.user}
        selected={selected}
        onSelect={setSelected}
        onFold={onFold}
        onOpen={openLine}
        openKey={shown.open ? lines.find((line) => line.kind === "job" && refOf(line.row) === shown.open)?.key : undefined}
      />
      {lines.length === 0 && <Nothing shown={shown} onChange={onChange} />}
      <p className={styles.foot}>
        <span>{complete ? said.total(fitting.length, rows.length) : words.loading}</span>
        <span>{cut ? said.cut(ROWS_MAX) : said.keys}</span>
      </p>
      {chosen.length > 0 && <ActionBar rows={chosen} store={store} onClear={() => setSelected(new Set())} />}
      <Suspense>{shown.open && <JobPanel id={shown.open} onClose={() => onChange({ open: "" })} />}</Suspense>
    </>
  );
}

function Nothing({ shown, onChange }: Props) {
  const clear = () => onChange({ kinds: [], user: "", partition: "", cluster: "", group: "", text: "" });
  if (isFiltered(shown))
    return (
      <Empty title={said.filteredTitle} actions={<Button onClick={clear}>{words.act.clear}</Button>}>
        {said.filteredHow}
      </Empty>
    );
  return (
    <Empty
      title={said.emptyTitle}
      actions={
        <LinkButton kind="primary" to="/new/batch">
          {said.compose}
        </LinkButton>
      }
    >
      <p>{said.emptyHow}</p>
      <div className={styles.examples}>
        {EXAMPLES.map((example) => (
          <CopyLine key={example} text={example} prompt="$" />
        ))}
      </div>
    </Empty>
  );
}

/** The jobs that are meant: of a group all of them, and of an array and its tasks the array alone. */
function chosenOf(lines: readonly Line[], selected: ReadonlySet<string>): JobRow[] {
  const rows = new Map<number, JobRow>();
  for (const line of lines) {
    if (!selected.has(line.key)) continue;
    for (const row of line.kind === "group" ? line.rows : [line.row]) rows.set(row.id, row);
  }
  return [...rows.values()].filter((row) => row.task === null || !rows.has(row.task[0]));
}

function toggled(set: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(key)) next.add(key);
  return next;
}
