/** A line of the table: a job, a group of them, or the way to all tasks of an array. */

import { memo } from "react";
import { Icon, SegmentBar, Status, useFlash } from "@/components";
import { duration } from "@/state/format";
import { hasEnded } from "@/state/jobstate";
import { jobWords } from "@/words/jobs";
import { askedOf, leftOf, refOf, tallyOfAll, timeOf, whyOf } from "./describe";
import { countsOf, countsOfAll, type Line, segmentsOf } from "./fold";
import styles from "./table.module.css";

const { list: said } = jobWords;

interface Props {
  line: Line;
  index: number;
  users: boolean;
  /** There are several, so each job says on which it is. */
  clusters: boolean;
  selected: boolean;
  current: boolean;
  open: boolean;
  /** 0 of a line in which nothing ticks. */
  now: number;
  onToggle: (key: string) => void;
  onFold: (key: string) => void;
}

export const JobLineRow = memo(function JobLineRow(props: Props) {
  const { line, index, selected, current, open } = props;
  return (
    <tr
      ref={useFlash<HTMLTableRowElement>(line.kind === "job" && line.row.state, line.key)}
      role="row"
      className={styles.row}
      aria-rowindex={index + 2}
      data-index={index}
      data-selected={selected || open || undefined}
      data-current={current || undefined}
    >
      <td role="cell" className={styles.check}>
        {line.kind !== "more" && (
          <input type="checkbox" aria-label={labelOf(line)} checked={selected} onChange={() => props.onToggle(line.key)} />
        )}
      </td>
      <td role="cell" className={styles.id}>
        <Id line={line} onFold={props.onFold} />
      </td>
      <td role="cell" className={styles.name}>
        <Name line={line} cluster={props.clusters} />
      </td>
      <Rest line={line} now={props.now} />
    </tr>
  );
});

/** A line that is gone before anybody could use it, as somebody scrolls fast: which one it is, and no more. */
export const Glimpse = memo(function Glimpse({ line, index, selected }: Pick<Props, "line" | "index" | "selected">) {
  return (
    <tr role="row" className={styles.row} aria-rowindex={index + 2} data-selected={selected || undefined}>
      <td role="cell" className={styles.check} />
      <td role="cell" className={styles.id}>
        {line.kind === "job" && (
          <span className={styles.number} data-depth={line.depth}>
            {refOf(line.row)}
          </span>
        )}
      </td>
      <td role="cell" className={styles.name}>
        {line.kind === "group" ? said.group(line.group) : line.row.name}
      </td>
    </tr>
  );
});

function Rest({ line, now }: Pick<Props, "line" | "now">) {
  const row = line.kind === "job" ? line.row : null;
  const why = row ? whyOf(row) : line.kind === "group" ? tallyOfAll(line.rows) : "";
  return (
    <>
      <td role="cell" className={styles.user}>
        {row?.user}
      </td>
      <td role="cell" className={styles.state}>
        <State line={line} />
      </td>
      <td role="cell" className={styles.time}>
        {row && shown(timeOf(row, now))}
      </td>
      <td role="cell" className={styles.left}>
        {row && shown(leftOf(row, now))}
      </td>
      <td role="cell" className={styles.asked}>
        {row && askedOf(row)}
      </td>
      <td role="cell" className={styles.why} title={row?.cause ?? row?.reason ?? why}>
        {why}
      </td>
    </>
  );
}

function Id({ line, onFold }: { line: Line; onFold: (key: string) => void }) {
  if (line.kind === "more") return null;
  const folds = line.kind === "group" || line.row.array !== null;
  return (
    <>
      {folds && (
        <button
          type="button"
          className={styles.fold}
          aria-expanded={line.open}
          aria-label={line.open ? said.fold : said.unfold}
          data-depth={line.depth}
          onClick={() => onFold(line.key)}
        >
          <Icon name={line.open ? "down" : "right"} />
        </button>
      )}
      {line.kind === "job" && (
        <span className={styles.number} data-depth={line.depth}>
          {refOf(line.row)}
        </span>
      )}
    </>
  );
}

/** Plain links: the table follows them. */
function Name({ line, cluster }: { line: Line; cluster: boolean }) {
  if (line.kind === "more") return <a href={`/jobs/${line.row.id}/tasks`}>{said.allTasks(line.row.array?.[0] ?? 0)}</a>;
  if (line.kind === "group") return <a href={`/groups/${encodeURIComponent(line.group)}`}>{said.group(line.group)}</a>;
  return (
    <a href={`/jobs/${refOf(line.row)}`} title={line.row.name}>
      {line.row.name}
      {cluster && <span className="muted"> {line.row.cluster}</span>}
    </a>
  );
}

function State({ line }: { line: Line }) {
  if (line.kind === "more") return null;
  if (line.kind === "group") return <SegmentBar segments={segmentsOf(countsOfAll(line.rows))} />;
  const { row } = line;
  if (row.array && !hasEnded(row.state)) return <SegmentBar segments={segmentsOf(countsOf(row))} />;
  return <Status state={row.state} />;
}

function shown(seconds: number | null): string {
  return seconds === null ? "-" : duration(seconds);
}

function labelOf(line: Line): string {
  if (line.kind === "group") return said.select(said.group(line.group));
  return said.select(`${line.row.name} ${refOf(line.row)}`);
}
