/** A job as a submission: to run it again, to start the composer with, to copy as a command or a program. Pure. */

import type { Job, SubmitJob } from "@/api/types";

export interface Texts {
  script: string | null;
  runtimeEnv: Record<string, unknown> | null;
}

/** Metadata that belongs to one submission alone. */
const FOREIGN = "slurm.";
export const RERUN_OF = "launchyard.rerun_of";

type Body = Partial<SubmitJob>;

/** What to send to `POST /v1/jobs`. The server does not tell a job's variables: those of a login take their place. */
export function bodyOf(job: Job, texts: Texts, indexes?: string): Body {
  const { resources } = job;
  const metadata = Object.fromEntries(Object.entries(job.metadata).filter(([key]) => !key.startsWith(FOREIGN)));
  const body: Body = {
    name: job.name,
    resources: { ...resources, memory_mib: resources.memory_mib || undefined, gpus: resources.gpus || undefined } as never,
    partition: job.partition,
    working_dir: job.working_dir ?? undefined,
    metadata: job.id === null ? metadata : { ...metadata, [RERUN_OF]: String(job.id) },
    requeue: job.requeue || undefined,
    nice: job.nice || undefined,
    login: true,
  };
  if (job.time_limit_s !== null) body.time_limit_s = job.time_limit_s;
  if (job.account !== null) body.account = job.account;
  if (job.group !== null) body.group = job.group;
  if (job.retries) body.retries = { count: job.retries.count, backoff_s: job.retries.backoff_s, on: job.retries.on };
  if (texts.runtimeEnv) body.runtime_env = texts.runtimeEnv;
  if (texts.script !== null) {
    body.script = texts.script;
    if (job.command) body.arguments = shellWords(job.command);
  } else body.command = job.command ?? "";
  const array = indexes ?? arrayOf(job);
  if (array) body.array = array;
  return body;
}

/** The same indexes where that is known: of a task its own. */
function arrayOf(job: Job): string | null {
  if (!job.array) return null;
  if (job.array.index !== null) return String(job.array.index);
  const throttle = job.array.throttle ? `%${job.array.throttle}` : "";
  return job.array.size && job.array.pending ? `${job.array.pending}${throttle}` : null;
}

export function toLy(job: Job, script: string | null): string {
  const { cpus, memory_mib: memory, gpus, nodes } = job.resources;
  const words = ["ly submit", `-n ${quoted(job.name)}`, `-c ${cpus}`, memory ? `--mem ${mem(memory)}` : ""];
  if (gpus) words.push(`--gpus ${gpus}`);
  if (nodes > 1) words.push(`--nodes ${nodes}`);
  if (job.time_limit_s) words.push(`-t ${walltime(job.time_limit_s)}`);
  words.push(`-p ${job.partition}`);
  if (job.working_dir) words.push(`-C ${quoted(job.working_dir)}`);
  const array = arrayOf(job);
  if (array) words.push(`--array ${array}`);
  words.push(script === null ? `-- ${job.command ?? ""}` : `${quoted(`${job.name}.sh`)} ${job.command ?? ""}`);
  return words.filter(Boolean).join(" ").trim();
}

export function toSbatch(job: Job, script: string | null): string {
  const { cpus, memory_mib: memory, gpus, nodes } = job.resources;
  const lines = [`--job-name=${job.name}`, `--cpus-per-task=${Math.max(1, Math.ceil(cpus))}`];
  if (memory) lines.push(`--mem=${mem(memory)}`);
  if (gpus) lines.push(`--gpus=${Math.ceil(gpus)}`);
  if (nodes > 1) lines.push(`--nodes=${nodes}`);
  if (job.time_limit_s) lines.push(`--time=${walltime(job.time_limit_s)}`);
  lines.push(`--partition=${job.partition}`);
  if (job.working_dir) lines.push(`--chdir=${job.working_dir}`);
  const array = arrayOf(job);
  if (array) lines.push(`--array=${array}`);
  const [first, ...rest] = (script ?? `#!/bin/bash\n${job.command ?? ""}\n`).split("\n");
  const head = first?.startsWith("#!") ? first : "#!/bin/bash";
  const body = first?.startsWith("#!") ? rest : [first, ...rest];
  const own = body.filter((line) => !/^#SBATCH\b/.test(line ?? ""));
  return [head, ...lines.map((line) => `#SBATCH ${line}`), ...own].join("\n");
}

export function toPython(job: Job, script: string | null): string {
  const { cpus, memory_mib: memory, gpus, nodes } = job.resources;
  const parts = [script === null ? python(job.command ?? "") : "", `name=${python(job.name)}`, `cpus=${cpus}`];
  if (script !== null) parts.push(`script=${python(script)}`);
  if (memory) parts.push(`memory=${python(mem(memory))}`);
  if (gpus) parts.push(`gpus=${gpus}`);
  if (nodes > 1) parts.push(`nodes=${nodes}`);
  if (job.time_limit_s) parts.push(`time_limit=${python(walltime(job.time_limit_s))}`);
  if (job.working_dir) parts.push(`working_dir=${python(job.working_dir)}`);
  const given = parts.filter(Boolean).map((part) => `    ${part},`);
  return ["import launchyard", "", "job = launchyard.Client().submit(", ...given, ")", "print(job.id)"].join("\n");
}

/** 8G, 1500M. */
export function mem(mib: number): string {
  return mib % 1024 === 0 ? `${mib / 1024}G` : `${mib}M`;
}

/** 2h, 90m, 45s, or 1-02:03:04. */
export function walltime(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600}h`;
  if (seconds % 60 === 0) return `${seconds / 60}m`;
  return `${seconds}s`;
}

/** Words as a shell reads them, of a line that was made by quoting words. */
function shellWords(text: string): string[] {
  const words = text.match(/(?:'[^']*'|"(?:\\.|[^"])*"|\\.|[^\s'"\\])+/g) ?? [];
  return words.map((word) => word.replace(/'([^']*)'|"((?:\\.|[^"])*)"|\\(.)/g, (_, one, two, three) => one ?? two ?? three));
}

function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function python(text: string): string {
  return JSON.stringify(text);
}
