/** A group: the jobs that belong together, what failed first, and how many are done. */

import { Link, useParams } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { Empty, Page as PageFrame, Section, SegmentBar } from "@/components";
import { LOOKS } from "@/state/jobstate";
import { useSearch } from "@/state/useSearch";
import { jobWords } from "@/words/jobs";
import { refOf, tallyOfAll } from "../jobs/describe";
import { searchOf, type Shown, shownBy } from "../jobs/filter";
import { countsOfAll, segmentsOf } from "../jobs/fold";
import { JobList } from "../jobs/JobsPage";
import type { JobRow } from "../jobs/rows";
import { useRows } from "../jobs/userows";
import styles from "../job/job.module.css";

const { tasks: said } = jobWords;
const DRAWN_MAX = 2000;

export function Page() {
  const { group = "" } = useParams({ strict: false });
  const [search, change] = useSearch();
  const shown = useMemo(() => ({ ...shownBy(search), group }), [search, group]);
  const onChange = useCallback((some: Partial<Shown>) => change(searchOf({ ...shown, ...some, group: "" })), [change, shown]);
  const filter = useMemo(() => ({ states: [], group }), [group]);
  const { rows, complete } = useRows(filter);
  const title = said.groupTitle(group);
  if (complete && rows.length === 0)
    return (
      <PageFrame title={title}>
        <Empty title={said.noGroup(group)} />
      </PageFrame>
    );
  const squares = rows.filter((row) => row.array === null).slice(0, DRAWN_MAX);
  return (
    <PageFrame title={title}>
      <Section title={said.title} aside={<span className="muted">{tallyOfAll(rows)}</span>}>
        <div className={styles.stack}>
          <SegmentBar segments={segmentsOf(countsOfAll(rows))} />
          {squares.length > 0 && <Squares rows={squares} />}
        </div>
      </Section>
      <JobList shown={shown} onChange={onChange} folds={false} />
    </PageFrame>
  );
}

function Squares({ rows }: { rows: readonly JobRow[] }) {
  const rank = (row: JobRow) => ["failed", "ours", "running", "pending", "done", "muted"].indexOf(LOOKS[row.state].tone);
  const sorted = [...rows].sort((a, b) => rank(a) - rank(b) || a.id - b.id);
  return (
    <ul className={styles.grid} aria-label={said.grid}>
      {sorted.map((row) => {
        const name = `${row.name} ${refOf(row)}: ${LOOKS[row.state].word}`;
        return (
          <li key={row.id}>
            <Link
              to="/jobs/$job"
              params={{ job: refOf(row) }}
              className={styles.square}
              data-tone={LOOKS[row.state].tone}
              title={name}
              aria-label={name}
              preload={false}
            />
          </li>
        );
      })}
    </ul>
  );
}
