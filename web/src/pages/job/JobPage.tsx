/** A job: what it is in one sentence, what can be done, and everything that is known of it. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { Problem } from "@/api/client";
import { readAgain } from "@/api/again";
import { keys } from "@/api/keys";
import { onJobMoved } from "@/api/live";
import { jobQuery } from "@/api/queries";
import type { Job } from "@/api/types";
import { announce, Failure, Page as PageFrame, SkeletonRows, type Tab, Tabs } from "@/components";
import { hasEnded, LOOKS, ref } from "@/state/jobstate";
import { words } from "@/words";
import { jobWords } from "@/words/jobs";
import { Actions } from "./Actions";
import { Aside } from "./Aside";
import { Attempts } from "./Attempts";
import { Head } from "./Head";
import { LogView } from "./log/LogView";
import { Resources } from "./Resources";
import { ScriptAndEnvironment } from "./Script";
import { Tasks } from "./Tasks";
import { TimelineBar } from "./TimelineBar";
import { WhyPanel } from "./WhyPanel";
import styles from "./job.module.css";

const { job: said } = jobWords;
const TASKS_EVERY_MS = 2000;
type TabName = keyof typeof said.tabs;

export function Page() {
  const { job: id = "", tab } = useParams({ strict: false });
  const { data, error, refetch } = useQuery(jobQuery(id));
  useTaskMoves(id, data?.id ?? null);
  if (data) return <JobPage job={data} id={id} tab={tab as TabName | undefined} />;
  if (error instanceof Problem && (error.status === 404 || error.status === 400))
    return <PageFrame title={words.missing.title}>{words.missing.job(id)}</PageFrame>;
  return <PageFrame title={id}>{error ? <Failure error={error} retry={() => void refetch()} /> : <SkeletonRows />}</PageFrame>;
}

function JobPage({ job, id, tab }: { job: Job; id: string; tab: TabName | undefined }) {
  useAnnounced(job);
  useTabKeys(id, tabsOf(job));
  const names = tabsOf(job);
  const shown = tab && names.includes(tab) ? tab : (names[0] ?? "log");
  const tabs: Tab[] = names.map((name, at) => ({
    to: at === 0 ? `/jobs/${id}` : `/jobs/${id}/${name}`,
    name: said.tabs[name],
    exact: at === 0,
  }));
  return (
    <PageFrame
      title={said.title(ref(job), job.name)}
      head={<Head job={job} />}
      actions={<Actions job={job} />}
      tabs={
        <>
          <TimelineBar job={job} id={id} />
          <Tabs label={job.name} tabs={tabs} />
        </>
      }
    >
      <div className={styles.columns}>
        <div className={styles.main}>
          <TabBody name={shown} job={job} id={id} />
        </div>
        <Aside job={job} id={id} />
      </div>
    </PageFrame>
  );
}

function TabBody({ name, job, id }: { name: TabName; job: Job; id: string }) {
  switch (name) {
    case "why":
      return <WhyPanel job={job} id={id} />;
    case "tasks":
      return <Tasks job={job} />;
    case "resources":
      return <Resources job={job} id={id} />;
    case "script":
      return <ScriptAndEnvironment job={job} id={id} />;
    case "attempts":
      return <Attempts job={job} />;
    default:
      return (
        <>
          {hasEnded(job.state) && job.state !== "COMPLETED" && <WhyPanel job={job} id={id} />}
          <LogView job={job} id={id} />
        </>
      );
  }
}

/** The first is what the job shows by itself: an array its tasks, what waits why, everything else its log. */
function tabsOf(job: Job): TabName[] {
  const isArray = job.array !== null && job.array.index === null;
  const waits = job.state === "PENDING";
  const first: TabName[] = isArray ? ["tasks", ...(waits ? (["why"] as const) : [])] : waits ? ["why", "log"] : ["log"];
  const rest: TabName[] = isArray ? ["script"] : ["resources", "script"];
  return [...first, ...rest, ...(job.past_attempts.length > 0 ? (["attempts"] as const) : [])];
}

/** A task is kept under the name of its array, under which no event finds it; before it begins it has no number. */
function useTaskMoves(id: string, number: number | null): void {
  const client = useQueryClient();
  const latest = useRef(number);
  latest.current = number;
  useEffect(() => {
    if (!id.includes("_")) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = () => {
      timer = undefined;
      readAgain(client, keys.job(id));
      readAgain(client, keys.why(id));
    };
    const stop = onJobMoved((event) => {
      const isOurs = event.job_id === latest.current && String(event.job_id) !== id.split("_")[0];
      timer ??= setTimeout(again, isOurs ? 0 : TASKS_EVERY_MS);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [client, id]);
}

/** Moves of a job that is open are said aloud. */
function useAnnounced(job: Job): void {
  const before = useRef(job.state);
  useEffect(() => {
    if (before.current === job.state) return;
    before.current = job.state;
    announce(said.state(ref(job), LOOKS[job.state].word));
  }, [job]);
}

/** 1 to 5 go to the tabs. */
function useTabKeys(id: string, names: readonly TabName[]): void {
  const navigate = useNavigate();
  const latest = useRef(names);
  latest.current = names;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !/^[1-9]$/.test(event.key)) return;
      if ((event.target as HTMLElement | null)?.closest("input, textarea, select, dialog")) return;
      const at = Number(event.key) - 1;
      const name = latest.current[at];
      if (name) void navigate({ to: at === 0 ? `/jobs/${id}` : `/jobs/${id}/${name}` });
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [id, navigate]);
}
