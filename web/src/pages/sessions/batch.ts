/** What is filled in to run a notebook as a batch job, and the request made of it. Pure. */

import type { NotebookDetails, NotebookParameter, RunNotebook } from "@/api/types";

export interface Draft {
  mode: "once" | "sweep";
  /** By parameter what was typed; left out: as the notebook has it. */
  values: Record<string, string>;
  /** The lines of packages that come along. */
  packages: string[];
  asSaved: boolean;
  cpus: string;
  memoryGib: string;
  hours: string;
  throttle: string;
  output: string;
}

export function draftOf(details: NotebookDetails): Draft {
  return {
    mode: "once",
    values: {},
    packages: details.packages.map((one) => one.line),
    asSaved: false,
    cpus: "",
    memoryGib: "",
    hours: "",
    throttle: "",
    output: "",
  };
}

/** A parameter's value as its field shows it. */
export function shown(parameter: NotebookParameter): string {
  const { kind, value, source } = parameter;
  if (kind === "text") return String(value);
  if (kind === "truth") return value ? "True" : "False";
  return kind === "list" || kind === "table" ? JSON.stringify(value) : source;
}

/** What was changed: a value that is as the notebook has it is left to the notebook. */
export function changedValues(details: NotebookDetails, draft: Draft): Record<string, string> {
  const found = details.parameters.flatMap((one) => {
    const typed = draft.values[one.name];
    return typed === undefined || typed === shown(one) || (typed === "" && one.kind !== "text") ? [] : [[one.name, typed]];
  });
  return Object.fromEntries(found) as Record<string, string>;
}

/** How many tasks a sweep has; 0: no parameter is given values. */
export function tasksOf(draft: Draft): number {
  const counts = Object.values(draft.values).filter(Boolean).map(countOf);
  return counts.length === 0 ? 0 : counts.reduce((product, one) => product * one, 1);
}

/** How many values a text lists: commas outside quotes, and ranges. The server counts exactly. */
function countOf(text: string): number {
  const parts = text.match(/("[^"]*"|'[^']*'|[^,])+/g) ?? [];
  return parts.reduce((sum, part) => sum + rangeOf(part.trim()), 0);
}

function rangeOf(part: string): number {
  const found = /^(-?[\d.]*\d)\.\.(-?[\d.]*?\d+)(?:\.\.(-?\d[\d.]*))?$/.exec(part);
  if (!found) return 1;
  const [first, last] = [Number(found[1]), Number(found[2])];
  const step = found[3] ? Number(found[3]) : last >= first ? 1 : -1;
  const count = Math.floor((last - first) / step + 1e-9) + 1;
  return Number.isFinite(count) && count > 0 ? count : 1;
}

export function bodyOf(details: NotebookDetails, draft: Draft): RunNotebook {
  const values = changedValues(details, draft);
  const resources: Record<string, number> = {};
  if (draft.cpus) resources.cpus = Number(draft.cpus);
  if (draft.memoryGib) resources.memory_mib = Math.round(Number(draft.memoryGib) * 1024);
  const body: Record<string, unknown> = {
    notebook: details.path,
    packages: draft.packages,
    as_saved: draft.asSaved,
    [draft.mode === "sweep" ? "sweep" : "parameters"]: values,
  };
  if (Object.keys(resources).length > 0) body.resources = resources;
  if (draft.hours) body.time_limit_s = Math.round(Number(draft.hours) * 3600);
  if (draft.mode === "sweep" && draft.throttle) body.throttle = Number(draft.throttle);
  if (draft.output) body.output = draft.output;
  return body as unknown as RunNotebook;
}
