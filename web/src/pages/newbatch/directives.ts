/**
 * The lines of a script that ask for something (`#SBATCH`, `#LY`): read for the fields that are empty. The
 * common ones; those that are not read here are named to the person, never dropped in silence. Pure.
 */

import type { Draft } from "./draft";
import { shownDuration, shownMemory } from "./amounts";

export interface Asked {
  fields: Partial<Draft>;
  /** Options that are not read here. */
  others: string[];
}

const SHORT: Record<string, string> = {
  J: "job-name",
  n: "ntasks",
  c: "cpus-per-task",
  N: "nodes",
  t: "time",
  p: "partition",
  A: "account",
  a: "array",
  G: "gpus",
  d: "dependency",
  D: "chdir",
  o: "output",
  e: "error",
};
/** They change where output goes, which is in the job's log here. */
const QUIET = new Set(["output", "error", "open-mode"]);

export function askedBy(script: string): Asked {
  const asked: Asked = { fields: {}, others: [] };
  const options = new Map<string, string>();
  for (const line of script.split("\n")) {
    const match = /^#(SBATCH|LY)\s+(.*)$/.exec(line);
    if (match) for (const [name, value] of optionsOf(match[2] ?? "", match[1] === "LY")) options.set(name, value);
    // As Slurm has it, lines after the first command count no more.
    else if (line.trim() && !line.startsWith("#")) break;
  }
  for (const [name, value] of options) take(asked, name, value, options);
  return asked;
}

function optionsOf(text: string, own: boolean): [string, string][] {
  const words = text.replace(/(^|\s)#.*$/, "").match(/(?:"[^"]*"|'[^']*'|\S)+/g) ?? [];
  const found: [string, string][] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    const long = /^--([\w-]+)(?:=(.*))?$/.exec(word);
    const short = /^-(\w)(.*)$/.exec(word);
    const name = long?.[1] ?? (own && short?.[1] === "n" ? "job-name" : SHORT[short?.[1] ?? ""]);
    if (!name) continue;
    const given = long ? long[2] : short?.[2];
    const next = words[at + 1];
    const value = given || (next !== undefined && !next.startsWith("-") ? words[++at] : "");
    found.push([name === "name" ? "job-name" : name === "cpus" ? "cpus-per-task" : name, (value ?? "").replace(/^(["'])(.*)\1$/, "$2")]);
  }
  return found;
}

function take({ fields, others }: Asked, name: string, value: string, all: Map<string, string>): void {
  const tasks = Number(all.get("ntasks") ?? 1) || 1;
  const each = Number(all.get("cpus-per-task") ?? 1) || 1;
  switch (name) {
    case "job-name":
      fields.name = value;
      break;
    case "ntasks":
    case "cpus-per-task":
      fields.cpus = String(tasks * each);
      break;
    case "mem":
      fields.memory = memoryOf(value);
      break;
    case "mem-per-cpu":
      fields.memory = memoryOf(value, tasks * each);
      break;
    case "gpus":
      fields.gpus = value.split(":").pop() ?? "";
      break;
    case "gres":
      fields.gpus = /^gpu(?::\w+)?(?::(\d+))?$/.exec(value)?.[1] ?? "1";
      break;
    case "time":
      fields.time = timeOf(value);
      break;
    case "nodes":
      fields.nodes = value;
      break;
    case "partition":
      fields.partition = value;
      break;
    case "account":
      fields.account = value;
      break;
    case "array":
      fields.array = value;
      break;
    case "dependency":
    case "after":
      fields.after = value;
      break;
    case "chdir":
      fields.workingDir = value;
      break;
    case "group":
      fields.group = value;
      break;
    case "requeue":
      fields.requeue = true;
      break;
    case "hold":
      fields.hold = true;
      break;
    default:
      if (!QUIET.has(name)) others.push(`--${name}`);
  }
}

/** Slurm counts MiB where no unit is written. */
function memoryOf(text: string, times = 1): string {
  const match = /^(\d+)([KMGT]?)B?$/i.exec(text);
  if (!match) return text;
  const mib = Number(match[1]) * ({ K: 1 / 1024, G: 1024, T: 1024 * 1024 }[(match[2] ?? "").toUpperCase()] ?? 1) * times;
  return shownMemory(Math.ceil(mib));
}

/** Minutes, minutes:seconds, hours:minutes:seconds, days-hours[:minutes[:seconds]]. */
function timeOf(text: string): string {
  const days = /^(\d+)-(\d+)(?::(\d+))?(?::(\d+))?$/.exec(text);
  const [d, h, m, s] = [days?.[1], days?.[2], days?.[3], days?.[4]].map((part) => Number(part ?? 0));
  if (days) return shownDuration((d ?? 0) * 86400 + (h ?? 0) * 3600 + (m ?? 0) * 60 + (s ?? 0));
  const parts = text.split(":");
  if (!parts.every((part) => /^\d+$/.test(part))) return text;
  const [one = 0, two = 0, three = 0] = parts.map(Number);
  if (parts.length === 3) return shownDuration(one * 3600 + two * 60 + three);
  return shownDuration(one * 60 + (parts.length === 2 ? two : 0));
}

/** The draft as it is submitted: what the form says, and where it says nothing, what the script says. */
export function withAsked(draft: Draft): Draft {
  if (draft.kind !== "script") return draft;
  const next: Record<string, unknown> = { ...draft };
  for (const [name, value] of Object.entries(askedBy(draft.script).fields)) if (!next[name]) next[name] = value;
  return next as unknown as Draft;
}
