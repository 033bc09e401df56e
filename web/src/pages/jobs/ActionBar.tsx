/** What can be done with the selected jobs. */

import { Button, IconButton } from "@/components";
import { hasEnded } from "@/state/jobstate";
import { jobWords } from "@/words/jobs";
import { cancelJobs, holdJobs, releaseJobs, waits } from "./acts";
import type { JobRow } from "./rows";
import type { RowStore } from "./rowstore";
import styles from "./jobs.module.css";

const { selection: said } = jobWords;

export function ActionBar({ rows, store, onClear }: { rows: readonly JobRow[]; store: RowStore; onClear: () => void }) {
  const live = rows.some((row) => !hasEnded(row.state));
  const holds = rows.some((row) => waits(row) && !row.held);
  const held = rows.some((row) => row.held && !hasEnded(row.state));
  return (
    <div className={styles.selection} role="toolbar" aria-label={said.chosen(rows.length)}>
      <b role="status">{said.chosen(rows.length)}</b>
      {holds && (
        <Button small changes onClick={() => void holdJobs(rows, store)}>
          {said.hold}
        </Button>
      )}
      {held && (
        <Button small changes onClick={() => void releaseJobs(rows, store)}>
          {said.release}
        </Button>
      )}
      {live && (
        <Button small kind="danger" changes onClick={() => void cancelJobs(rows, store)}>
          {said.cancel}
        </Button>
      )}
      <IconButton icon="close" label={said.clear} onClick={onClear} />
    </div>
  );
}
