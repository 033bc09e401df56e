/** The tasks of an array: a square each, what failed first, and how that ended. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { readAgain } from "@/api/again";
import type { Job, NotCompleted } from "@/api/types";
import { Ago, type Column, Failure, Section, SegmentBar, SkeletonRows, Status, Table } from "@/components";
import { LOOKS } from "@/state/jobstate";
import { jobWords } from "@/words/jobs";
import { tally } from "../jobs/describe";
import { countsOf, segmentsOf } from "../jobs/fold";
import { rowOfJob } from "./convert";
import { gridQuery } from "./questions";
import { failedFirst, squaresOf, type TaskSquare } from "./taskgrid";
import { TaskCanvas } from "./TaskCanvas";
import styles from "./job.module.css";

const { tasks: said } = jobWords;
const AGAIN_MS = 1000;

export function Tasks({ job }: { job: Job }) {
  const id = String(job.id);
  const navigate = useNavigate();
  const { data, error, refetch } = useQuery(gridQuery(id));
  useReadAgain(job);
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <SkeletonRows rows={8} />;
  const squares = failedFirst(squaresOf(data));
  const row = rowOfJob(job);
  const open = (square: TaskSquare) =>
    void navigate({ to: "/jobs/$job", params: { job: `${id}_${square.index}` } });
  return (
    <div className={styles.stack}>
      <Section title={said.title} aside={<span className="muted">{tally(row)}</span>}>
        <div className={styles.stack}>
          <SegmentBar segments={segmentsOf(countsOf(row))} />
          {squares.length > 0 ? (
            <TaskCanvas
              squares={squares}
              label={said.grid}
              onOpen={open}
              refOf={(one) => `${id}_${one.index}`}
              nameOf={(one) => said.task(`${id}_${one.index}`, LOOKS[one.state].word)}
            />
          ) : (
            <p className="muted">{said.tooMany}</p>
          )}
        </div>
      </Section>
      {data.not_completed.length > 0 && (
        <Section title={said.notCompleted}>
          <Table label={said.notCompleted} columns={columnsOf(id)} rows={data.not_completed} rowKey={(task) => String(task.id)} />
        </Section>
      )}
    </div>
  );
}

/** Whenever the record moved, at most once a second: its counts are those of its tasks. */
function useReadAgain(job: Job): void {
  const client = useQueryClient();
  const counts = JSON.stringify(job.array?.counts ?? {});
  useEffect(() => {
    const timer = setTimeout(() => readAgain(client, ["grid", String(job.id)]), AGAIN_MS);
    return () => clearTimeout(timer);
  }, [client, counts, job.id]);
}

function columnsOf(id: string): Column<NotCompleted>[] {
  const { columns } = said;
  return [
    {
      key: "task",
      title: columns.task,
      width: "112px",
      cell: (task) => (
        <Link to="/jobs/$job" params={{ job: `${id}_${task.index}` }} className="mono">
          {id}_{task.index}
        </Link>
      ),
    },
    { key: "state", title: columns.state, width: "120px", cell: (task) => <Status state={task.state} /> },
    { key: "code", title: columns.code, width: "80px", align: "end", from: 640, cell: (task) => task.exit_code ?? "-" },
    { key: "ended", title: columns.ended, width: "112px", from: 640, cell: (task) => (task.ended_at ? <Ago at={task.ended_at} /> : "-") },
    { key: "why", title: columns.why, cell: (task) => <span title={task.cause ?? ""}>{task.cause}</span> },
  ];
}
