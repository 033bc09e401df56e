/** What is being composed, as the form has it, and the submission that it stands for. Pure but for `keep`. */

import type { Job, SubmitJob } from "@/api/types";
import { composeWords } from "@/words/compose";
import type { Texts } from "../job/again";
import { bodyOf } from "../job/again";
import { readDuration, readMemory, shownDuration, shownMemory } from "./amounts";

export interface Draft {
  kind: "script" | "command";
  script: string;
  command: string;
  name: string;
  cpus: string;
  memory: string;
  gpus: string;
  nodes: string;
  time: string;
  cluster: string;
  partition: string;
  account: string;
  workingDir: string;
  array: string;
  after: string;
  begin: string;
  group: string;
  env: string;
  retries: string;
  hold: boolean;
  requeue: boolean;
  /** The moments of which somebody is told, with commas between them, and where, as `--notify` has them. */
  notify: string;
  notifyTo: string;
  /** What a job that is run again had and no field shows. */
  rest: Partial<SubmitJob>;
}

export type Field = Exclude<keyof Draft, "rest">;
export type Wrong = Partial<Record<Field, string>>;

export const EMPTY: Draft = {
  kind: "script",
  script: "#!/bin/bash\n",
  command: "",
  name: "",
  cpus: "",
  memory: "",
  gpus: "",
  nodes: "",
  time: "",
  cluster: "",
  partition: "",
  account: "",
  workingDir: "",
  array: "",
  after: "",
  begin: "",
  group: "",
  env: "",
  retries: "",
  hold: false,
  requeue: false,
  notify: "",
  notifyTo: "",
  rest: {},
};

const { wrong: said } = composeWords;

/** What is wrong with what was written; the server checks everything again. */
export function wrongOf(draft: Draft): Wrong {
  const wrong: Wrong = {};
  const text = draft[draft.kind].trim();
  if (!text || text === EMPTY.script.trim()) wrong[draft.kind] = said.empty[draft.kind];
  else if (draft.kind === "script" && !text.startsWith("#!")) wrong.script = said.shebang;
  if (draft.memory && readMemory(draft.memory) === null)
    wrong.memory = /^\d+$/.test(draft.memory.trim()) ? said.memoryUnit(draft.memory.trim()) : said.memory(draft.memory);
  if (draft.time && readDuration(draft.time) === null) wrong.time = said.time(draft.time);
  for (const name of ["cpus", "gpus", "nodes", "retries"] as const)
    if (draft[name] && !/^\d+(\.\d+)?$/.test(draft[name].trim())) wrong[name] = said.number(draft[name]);
  const line = lines(draft.env).find((one) => !/^[A-Za-z_]\w*=/.test(one));
  if (line !== undefined) wrong.env = said.env(line);
  return wrong;
}

export function submissionOf(draft: Draft): Partial<SubmitJob> {
  const { rest } = draft;
  const body: Record<string, unknown> = {
    ...rest,
    [draft.kind]: draft[draft.kind],
    name: draft.name || undefined,
    cluster: draft.cluster || undefined,
    partition: draft.partition || undefined,
    account: draft.account || undefined,
    working_dir: draft.workingDir || undefined,
    array: draft.array || undefined,
    after: draft.after || undefined,
    begin_at: draft.begin ? new Date(draft.begin).toISOString() : undefined,
    group: draft.group || undefined,
    time_limit_s: draft.time ? readDuration(draft.time) : undefined,
    hold: draft.hold || undefined,
    requeue: draft.requeue || undefined,
    retries: draft.retries ? { ...rest.retries, count: Number(draft.retries) } : undefined,
    login: true,
    environment: draft.env.trim() ? variablesOf(draft.env) : undefined,
    metadata: metadataOf(draft),
    resources: {
      ...rest.resources,
      cpus: numberOf(draft.cpus),
      memory_mib: draft.memory ? readMemory(draft.memory) : undefined,
      gpus: numberOf(draft.gpus),
      nodes: numberOf(draft.nodes),
    },
  };
  return body as Partial<SubmitJob>;
}

// As --notify and --notify-to keep them; sbatch's --mail-type and --mail-user have keys of their own and stay as they are.
const NOTIFY = "launchyard.notify";
const NOTIFY_TO = "launchyard.notify-to";

export const MOMENTS = ["start", "end", "fail", "limit"] as const;

/** The moments with this one, or without it. */
export function withMoment(moments: string, moment: string, on: boolean): string {
  const left = moments.split(",").filter((one) => one && one !== moment);
  return (on ? [...left, moment] : left).join(",");
}

function metadataOf({ rest, notify, notifyTo }: Draft): Record<string, string> | undefined {
  const { [NOTIFY]: _moments, [NOTIFY_TO]: _places, ...others } = rest.metadata ?? {};
  const metadata = { ...others, ...(notify && { [NOTIFY]: notify }), ...(notify && notifyTo.trim() && { [NOTIFY_TO]: notifyTo.trim() }) };
  return Object.keys(metadata).length > 0 ? metadata : undefined;
}

/** A job that was, as a draft. */
export function draftOf(job: Job, texts: Texts): Draft {
  const body = bodyOf(job, texts);
  const { cpus, memory_mib: mib, gpus, nodes } = job.resources;
  const { retries, metadata, runtime_env, nice, resources } = body;
  return {
    ...EMPTY,
    kind: texts.script === null ? "command" : "script",
    script: texts.script ?? EMPTY.script,
    command: texts.script === null ? (job.command ?? "") : "",
    name: job.name,
    cpus: String(cpus),
    memory: shownMemory(mib),
    gpus: gpus ? String(gpus) : "",
    nodes: nodes > 1 ? String(nodes) : "",
    time: job.time_limit_s === null ? "" : shownDuration(job.time_limit_s),
    partition: job.partition,
    account: job.account ?? "",
    workingDir: job.working_dir ?? "",
    array: body.array ?? "",
    group: job.group ?? "",
    retries: retries ? String(retries.count) : "",
    requeue: job.requeue,
    notify: job.metadata[NOTIFY] ?? "",
    notifyTo: job.metadata[NOTIFY_TO] ?? "",
    rest: { metadata, ...(runtime_env && { runtime_env }), ...(retries && { retries }), ...(nice && { nice }), ...(resources && { resources }), ...(body.arguments && { arguments: body.arguments }) },
  };
}

/** Changes by the names of a submission, as advice and estimates tell them, in the draft. */
export function withChanges(draft: Draft, changes: Record<string, unknown>): Draft {
  const flat = { ...(changes.resources as Record<string, unknown> | undefined), ...changes };
  const next = { ...draft };
  if (flat.cpus !== undefined) next.cpus = String(flat.cpus);
  if (flat.memory_mib !== undefined) next.memory = shownMemory(Number(flat.memory_mib));
  if (flat.gpus !== undefined) next.gpus = String(flat.gpus);
  if (flat.time_limit_s !== undefined) next.time = shownDuration(Number(flat.time_limit_s));
  if (flat.partition !== undefined) next.partition = String(flat.partition);
  return next;
}

/** The options of a command such as `ly rerun 16 --mem 2G -t 2h`, which is what helps, in the draft. */
export function withOptions(draft: Draft, command: string): Draft {
  const next = { ...draft };
  const of: [RegExp, Field][] = [
    [/(?:--mem)[ =](\S+)/, "memory"],
    [/(?:-t|--time)[ =](\S+)/, "time"],
    [/(?:-c|--cpus)[ =](\S+)/, "cpus"],
    [/--gpus[ =](\S+)/, "gpus"],
    [/(?:-p|--partition)[ =](\S+)/, "partition"],
  ];
  for (const [pattern, field] of of) {
    const value = pattern.exec(command)?.[1];
    if (value !== undefined) (next[field] as string) = value;
  }
  return next;
}

export type Preset = "small" | "medium" | "gpu" | "last";

export const PRESETS: Record<Exclude<Preset, "last">, Partial<Draft>> = {
  small: { cpus: "1", memory: "2G", gpus: "", time: "1h", nodes: "" },
  medium: { cpus: "4", memory: "16G", gpus: "", time: "8h", nodes: "" },
  gpu: { cpus: "4", memory: "16G", gpus: "1", time: "8h", nodes: "" },
};

/** The same, but not more than the largest node has. */
export function bounded(preset: Partial<Draft>, most: { cpus: number; memory_mib: number }): Partial<Draft> {
  const cpus = Math.min(Number(preset.cpus ?? 1), most.cpus || 1);
  const mib = Math.min(readMemory(preset.memory ?? "") ?? 1024, most.memory_mib || 1024);
  return { ...preset, cpus: String(cpus), memory: shownMemory(mib >= 1024 ? Math.floor(mib / 1024) * 1024 : mib) };
}

const AMOUNTS = ["cpus", "memory", "gpus", "time", "nodes"] as const;

export function amountsOf(draft: Draft): Partial<Draft> {
  return Object.fromEntries(AMOUNTS.map((name) => [name, draft[name]]));
}

export function sameAmounts(draft: Draft, preset: Partial<Draft>): boolean {
  return AMOUNTS.every((name) => draft[name] === (preset[name] ?? ""));
}

function variablesOf(text: string): Record<string, string> {
  return Object.fromEntries(lines(text).map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

function lines(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}

function numberOf(text: string): number | undefined {
  return text.trim() ? Number(text) : undefined;
}
