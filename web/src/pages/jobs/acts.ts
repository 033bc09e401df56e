/** Doing one thing to some jobs: shown at once, taken back with its reason where the server refuses. */

import { api } from "@/api/client";
import { keys } from "@/api/keys";
import { whileChanging } from "@/api/older";
import { putJobs } from "@/api/overtaken";
import { client } from "@/api/queryclient";
import { confirm, toast, toastFailure } from "@/components";
import { duration } from "@/state/format";
import { hasEnded } from "@/state/jobstate";
import { jobWords } from "@/words/jobs";
import { refOf, runningTasks, timeOf } from "./describe";
import type { JobRow } from "./rows";
import type { RowStore } from "./rowstore";

const { ask, selection } = jobWords;
const AT_ONCE = 500;

interface Result {
  job: string;
  status: number;
  detail: string | null;
}

type Act = "cancel" | "hold" | "release" | "requeue" | "suspend" | "resume";

/** Asks first: what is cancelled is gone. */
export async function cancelJobs(rows: readonly JobRow[], store?: RowStore): Promise<void> {
  const live = rows.filter((row) => !hasEnded(row.state));
  if (live.length === 0 || !(await confirm(questionOf(live)))) return;
  await actOn("cancel", live, (what) => selection.cancelled(what), store);
}

export async function holdJobs(rows: readonly JobRow[], store?: RowStore): Promise<void> {
  const waiting = rows.filter((row) => waits(row) && !row.held);
  await actOn("hold", waiting, (what) => selection.held(what), store, { held: true }, "release");
}

export async function releaseJobs(rows: readonly JobRow[], store?: RowStore): Promise<void> {
  const held = rows.filter((row) => row.held && !hasEnded(row.state));
  await actOn("release", held, (what) => selection.released(what), store, { held: false }, "hold");
}

/** May be held: it waits, or some of its tasks do. */
export function waits(row: JobRow): boolean {
  return row.array ? !hasEnded(row.state) && row.array[1] > 0 : row.state === "PENDING";
}

async function actOn(
  act: Act,
  rows: readonly JobRow[],
  said: (what: string) => string,
  store?: RowStore,
  change?: Partial<JobRow>,
  back?: Act,
): Promise<void> {
  if (rows.length === 0) return;
  const undo = change ? assume(rows, change, store) : () => {};
  try {
    const results = await post(act, rows);
    for (const row of rows) void client.invalidateQueries({ queryKey: keys.why(refOf(row)) });
    const refused = results.filter((result) => result.status >= 400);
    if (refused.length > 0) {
      undo();
      toastFailure(new Error(selection.some(results.length - refused.length, results.length, refused[0]?.detail ?? "")));
      return;
    }
    const what = rows.length === 1 && rows[0] ? selection.one(refOf(rows[0])) : selection.jobs(rows.length);
    const takeBack = back && (() => void post(back, rows).then(() => undo(), toastFailure));
    toast(said(what), takeBack ? { undo: takeBack } : {});
  } catch (error) {
    undo();
    toastFailure(error);
  }
}

/** As it will be, wherever it is shown: holding is no move, so no event tells of it. */
function assume(rows: readonly JobRow[], change: Partial<JobRow>, store?: RowStore): () => void {
  const back = store?.assume(new Set(rows.map((row) => row.id)), change);
  const show = (held: (row: JobRow) => boolean) => {
    putJobs(client, rows.map((row) => ({ id: row.id, held: held(row) })));
    for (const row of rows) {
      if (row.task) void client.invalidateQueries({ queryKey: keys.job(refOf(row)) });
      void client.invalidateQueries({ queryKey: keys.why(refOf(row)) });
    }
  };
  show((row) => change.held ?? row.held);
  return () => {
    back?.();
    show((row) => row.held);
  };
}

function post(act: Act, rows: readonly JobRow[]): Promise<Result[]> {
  const names = rows.map(refOf);
  return whileChanging(rows.map((row) => row.id), async () => {
    const results: Result[] = [];
    for (let at = 0; at < names.length; at += AT_ONCE) {
      const told = await api.post<{ results: Result[] }>("/v1/acts", { act, jobs: names.slice(at, at + AT_ONCE) });
      results.push(...told.results);
    }
    return results;
  });
}

function questionOf(rows: readonly JobRow[]) {
  const [one] = rows;
  const action = ask.cancelAll(rows.length);
  if (rows.length > 1 || one === undefined) {
    const running = rows.filter((row) => row.started_at !== null).length;
    return { title: ask.cancelMany(rows.length, running), body: ask.cancelHow, action, keep: ask.keep };
  }
  const id = refOf(one);
  if (one.array) {
    const title = ask.cancelArray(one.array[1], runningTasks(one), id);
    return { title, body: ask.cancelHow, action: ask.cancel, keep: ask.keep };
  }
  const ran = one.started_at === null ? null : timeOf(one, Date.now());
  const body = ran === null ? ask.cancelWaiting : ask.cancelRunning(duration(ran));
  return { title: ask.cancelOne(id, one.name), body, action: ask.cancel, keep: ask.keep };
}
