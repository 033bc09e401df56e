/** What can be done with a job now: at most three buttons, by its state; the rest under "More". */

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "@/api/client";
import { keys } from "@/api/keys";
import { jobNow } from "@/api/overtaken";
import type { Job, SubmittedJob } from "@/api/types";
import { Button, IconButton, Menu, MenuItem, toast, toastFailure } from "@/components";
import { hasEnded, ref, WENT_WRONG } from "@/state/jobstate";
import { words } from "@/words";
import { jobWords } from "@/words/jobs";
import { cancelJobs, holdJobs, releaseJobs, waits } from "../jobs/acts";
import { bodyOf } from "./again";
import { rowOfJob } from "./convert";
import { EditDialog } from "./EditDialog";
import { gridQuery, textsQuery } from "./questions";
import { failedIndexes } from "./taskgrid";

const { act: said } = jobWords;

type Name = "edit" | "hold" | "release" | "cancel" | "clone" | "rerun" | "fix" | "debug" | "suspend" | "resume" | "requeue" | "terminal" | "rerunFailed";

/** In the order of their use; the first three are buttons. */
export function actionsOf(job: Job): Name[] {
  const isArray = job.array !== null && job.array.index === null;
  const failed = isArray && WENT_WRONG.some((state) => (job.array?.counts?.[state] ?? 0) > 0);
  if (hasEnded(job.state)) {
    if (failed) return ["rerunFailed", "rerun", "clone"];
    if (job.state === "COMPLETED" || job.state === "CANCELLED") return ["rerun", "clone"];
    return ["fix", "debug", "clone", "rerun"];
  }
  const held = job.held ? "release" : "hold";
  if (job.state === "PENDING" || (isArray && waits(rowOfJob(job))))
    return ["edit", held, "cancel", "clone", ...(failed ? (["rerunFailed"] as const) : [])];
  const pause = job.state === "SUSPENDED" ? "resume" : "suspend";
  return isArray ? ["cancel", "clone"] : ["terminal", "cancel", "clone", pause, "requeue"];
}

export function Actions({ job, most = 3 }: { job: Job; most?: number }) {
  const [editing, setEditing] = useState(false);
  const doIt = useDoing(job, () => setEditing(true));
  const names = actionsOf(job);
  const rest = names.slice(most);
  return (
    <>
      {names.slice(0, most).map((name, at) => (
        <Button
          key={name}
          kind={name === "cancel" ? "danger" : at === 0 && hasEnded(job.state) ? "primary" : "plain"}
          changes={!["clone", "fix", "debug", "terminal"].includes(name)}
          onClick={() => doIt(name)}
        >
          {said[name]}
        </Button>
      ))}
      {rest.length > 0 && (
        <Menu
          label={words.act.more}
          align="end"
          button={(properties) => <IconButton icon="more" label={words.act.more} {...properties} />}
        >
          {rest.map((name) => (
            <MenuItem key={name} changes onSelect={() => doIt(name)}>
              {said[name]}
            </MenuItem>
          ))}
        </Menu>
      )}
      {editing && <EditDialog job={job} onClose={() => setEditing(false)} />}
    </>
  );
}

function useDoing(job: Job, edit: () => void): (name: Name) => void {
  const navigate = useNavigate();
  const again = useAgain(job);
  const id = ref(job);
  const simple = async (act: string) => {
    try {
      await api.post(`/v1/jobs/${id}/${act}`);
    } catch (error) {
      toastFailure(error);
    }
  };
  const todo: Record<Name, () => void> = {
    edit,
    hold: () => void holdJobs([rowOfJob(job)]),
    release: () => void releaseJobs([rowOfJob(job)]),
    cancel: () => void cancelJobs([rowOfJob(job)]),
    clone: () => void navigate({ to: "/new/batch", search: { from: id } as never }),
    fix: () => void navigate({ to: "/new/batch", search: { from: id, fix: "1" } as never }),
    debug: () => void navigate({ to: "/new/session", search: { from: id } as never }),
    rerun: () => void again(false),
    rerunFailed: () => void again(true),
    suspend: () => void simple("suspend"),
    resume: () => void simple("resume"),
    requeue: () => void simple("requeue"),
    terminal: () => void navigate({ to: "/terminal", search: { job: id } as never }),
  };
  return (name) => todo[name]();
}

/** Submit the same once more, as it was or only the tasks that failed, and go there. */
function useAgain(job: Job): (failed: boolean) => Promise<void> {
  const client = useQueryClient();
  const navigate = useNavigate();
  return async (failed) => {
    const id = ref(job);
    try {
      const texts = await client.ensureQueryData(textsQuery(id, job));
      const isArray = job.array !== null && job.array.index === null;
      const grid = isArray ? await client.fetchQuery(gridQuery(id)) : null;
      const indexes = grid === null ? undefined : failed ? failedIndexes(grid) : grid.indexes;
      const body = bodyOf(job, texts, indexes);
      const made = await jobNow(api.post<SubmittedJob>("/v1/jobs", body, { idempotencyKey: crypto.randomUUID() }));
      client.setQueryData(keys.job(String(made.id)), made);
      toast(said.submitted(String(made.id)));
      await navigate({ to: "/jobs/$job", params: { job: String(made.id) } });
    } catch (error) {
      toastFailure(error);
    }
  };
}
