/** The columns of the table of jobs, as `ly jobs` has them. */

import { Link } from "@tanstack/react-router";
import { type Column, Icon, SegmentBar, Status } from "@/components";
import { duration } from "@/state/format";
import { hasEnded } from "@/state/jobstate";
import { useNow } from "@/state/now";
import { jobWords } from "@/words/jobs";
import { askedOf, leftOf, refOf, tallyOfAll, timeOf, whyOf } from "./describe";
import { countsOf, countsOfAll, type Line, segmentsOf } from "./fold";
import type { JobRow } from "./rows";
import styles from "./jobs.module.css";

const words = jobWords.list;

interface Options {
  users: boolean;
  onFold: (key: string) => void;
}

export function columnsOf({ users, onFold }: Options): Column<Line>[] {
  const all: (Column<Line> | false)[] = [
    { key: "id", title: words.columns.id, width: "88px", cell: (line) => <IdCell line={line} onFold={onFold} /> },
    { key: "name", title: words.columns.name, cell: (line) => <NameCell line={line} /> },
    users && { key: "user", title: words.columns.user, width: "80px", from: 900, cell: ofRow((row) => row.user) },
    { key: "state", title: words.columns.state, width: "120px", cell: (line) => <StateCell line={line} /> },
    { key: "time", title: words.columns.time, width: "64px", align: "end", from: 640, cell: ofRow((row) => <TimeCell row={row} />) },
    { key: "left", title: words.columns.left, width: "64px", align: "end", from: 1000, cell: ofRow((row) => <LeftCell row={row} />) },
    { key: "asked", title: words.columns.asked, width: "136px", from: 800, cell: ofRow((row) => <span className="mono">{askedOf(row)}</span>) },
    { key: "why", title: words.columns.why, width: "30%", from: 640, cell: (line) => <WhyCell line={line} /> },
  ];
  return all.filter((column) => column !== false);
}

/** A cell of jobs alone; lines that stand for many leave it empty. */
function ofRow(cell: (row: JobRow) => React.ReactNode): Column<Line>["cell"] {
  return (line) => (line.kind === "job" ? cell(line.row) : null);
}

function IdCell({ line, onFold }: { line: Line; onFold: (key: string) => void }) {
  if (line.kind === "more") return null;
  const folds = line.kind === "group" || line.row.array !== null;
  return (
    <span className={styles.id} data-depth={line.depth}>
      {folds ? (
        <button
          type="button"
          className={styles.fold}
          aria-expanded={line.open}
          aria-label={line.open ? words.fold : words.unfold}
          onClick={() => onFold(line.key)}
        >
          <Icon name={line.open ? "down" : "right"} />
        </button>
      ) : (
        <span className={styles.noFold} />
      )}
      {line.kind === "job" && <span className="mono">{refOf(line.row)}</span>}
    </span>
  );
}

function NameCell({ line }: { line: Line }) {
  if (line.kind === "more")
    return (
      <Link to="/jobs/$job/$tab" params={{ job: String(line.row.id), tab: "tasks" }}>
        {words.allTasks(line.row.array?.[0] ?? 0)}
      </Link>
    );
  if (line.kind === "group")
    return (
      <Link to="/groups/$group" params={{ group: line.group }} className={styles.name}>
        {words.group(line.group)}
      </Link>
    );
  return (
    <Link to="/jobs/$job" params={{ job: refOf(line.row) }} className={styles.name} title={line.row.name}>
      {line.row.name}
    </Link>
  );
}

function StateCell({ line }: { line: Line }) {
  if (line.kind === "more") return null;
  if (line.kind === "group") return <SegmentBar segments={segmentsOf(countsOfAll(line.rows))} />;
  const { row } = line;
  if (row.array && !hasEnded(row.state)) return <SegmentBar segments={segmentsOf(countsOf(row))} />;
  return <Status state={row.state} />;
}

/** What has ended does not tick. */
function TimeCell({ row }: { row: JobRow }) {
  return hasEnded(row.state) ? <Length seconds={timeOf(row, 0)} /> : <Ticking row={row} seconds={timeOf} />;
}

function LeftCell({ row }: { row: JobRow }) {
  return hasEnded(row.state) || row.started_at === null ? "-" : <Ticking row={row} seconds={leftOf} />;
}

function Ticking({ row, seconds }: { row: JobRow; seconds: (row: JobRow, now: number) => number | null }) {
  return <Length seconds={seconds(row, useNow())} />;
}

function Length({ seconds }: { seconds: number | null }) {
  return <span className="mono">{seconds === null ? "-" : duration(seconds)}</span>;
}

function WhyCell({ line }: { line: Line }) {
  if (line.kind === "more") return null;
  const text = line.kind === "group" ? tallyOfAll(line.rows) : whyOf(line.row);
  return <span title={line.kind === "job" ? (line.row.cause ?? line.row.reason ?? text) : text}>{text}</span>;
}
