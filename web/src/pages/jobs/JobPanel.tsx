/** One job beside the list: its state, what can be done, why it waits or the end of its log. */

import { useQuery } from "@tanstack/react-query";
import { request } from "@/api/client";
import { jobQuery } from "@/api/queries";
import type { Job } from "@/api/types";
import { Failure, LinkButton, SidePanel, SkeletonRows, Status } from "@/components";
import { hasEnded, ref } from "@/state/jobstate";
import { jobWords } from "@/words/jobs";
import { Actions } from "../job/Actions";
import { Aside } from "../job/Aside";
import { Sentence } from "../job/Head";
import { plain } from "../job/log/ansi";
import { WhyPanel } from "../job/WhyPanel";
import styles from "./jobs.module.css";
import pageStyles from "../job/job.module.css";

const TAIL = 8;

export function JobPanel({ id, onClose }: { id: string; onClose: () => void }) {
  const { data, error } = useQuery(jobQuery(id));
  return (
    <SidePanel label={data ? `${data.name} ${id}` : id} title={data ? <Title job={data} /> : <h2 className="mono">{id}</h2>} onClose={onClose}>
      {data ? <Body job={data} id={id} /> : error ? <Failure error={error} /> : <SkeletonRows rows={6} />}
    </SidePanel>
  );
}

function Title({ job }: { job: Job }) {
  return (
    <div className={styles.panelTitle}>
      <h2>{job.name}</h2>
      <p className={pageStyles.subhead}>
        <span className="mono">{ref(job)}</span>
        <Status state={job.state} />
        {job.state !== "PENDING" && <Sentence job={job} />}
      </p>
    </div>
  );
}

function Body({ job, id }: { job: Job; id: string }) {
  const isArray = job.array !== null && job.array.index === null;
  return (
    <div className={styles.panel}>
      <div className={styles.panelActions}>
        <LinkButton kind="primary" to={`/jobs/${id}`}>
          {jobWords.act.openPage}
        </LinkButton>
        <Actions job={job} most={2} />
      </div>
      {job.state === "PENDING" && <WhyPanel job={job} id={id} />}
      {job.started_at !== null && !isArray && <Tail job={job} id={id} />}
      <Aside job={job} id={id} />
    </div>
  );
}

/** The last lines, as they are now; the page follows them. */
function Tail({ job, id }: { job: Job; id: string }) {
  const { data } = useQuery({
    queryKey: ["tail", id, job.state],
    queryFn: async ({ signal }) =>
      (await request("GET", `/v1/jobs/${id}/logs`, { query: { offset: -4096, limit: 4096 }, signal })).text(),
    staleTime: hasEnded(job.state) ? Infinity : 0,
  });
  if (!data) return null;
  const lines = data.trimEnd().split("\n").slice(-TAIL).map(plain);
  return (
    <pre className={pageStyles.code} aria-label={jobWords.log.label} tabIndex={0}>
      {lines.join("\n")}
    </pre>
  );
}
