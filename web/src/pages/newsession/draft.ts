/** A session as it is written in the form, and the request made of it. Pure. */

import type { App, StartSession } from "@/api/types";
import { words } from "@/words/newsession";
import { readDuration, readMemory, shownDuration, shownMemory } from "../newbatch/amounts";
import { type Values, asked, boundsOf, wrongValue } from "./rules";

export interface Draft {
  values: Values;
  name: string;
  cpus: string;
  memory: string;
  gpus: string;
  time: string;
  workingDir: string;
  cluster: string;
  partition: string;
  account: string;
  qos: string;
  idle: string;
  /** What came along with the session that this one is made after. */
  runtimeEnv: Record<string, unknown>;
}

export type Amounts = Pick<Draft, "cpus" | "memory" | "gpus" | "time">;
export type Wrong = Record<string, string>;

/** As the app says it, or as `settings` of a session before. */
export function draftOf(app: App, settings: Record<string, unknown> | null): Draft {
  const { defaults } = app;
  const resources = (settings?.resources ?? {}) as Record<string, number | undefined>;
  const text = (name: string) => (typeof settings?.[name] === "string" ? settings[name] : "");
  const idle = (settings ? (settings.idle_stop_s as number | null) : defaults.idle_stop_s) ?? 0;
  const kept = (settings?.values ?? {}) as Values;
  return {
    values: Object.fromEntries(app.fields.map((one) => [one.name, kept[one.name] ?? one.default])),
    name: text("name") === app.name ? "" : text("name"),
    cpus: String(resources.cpus ?? defaults.cpus),
    memory: shownMemory(resources.memory_mib ?? defaults.memory_mib),
    gpus: String(resources.gpus ?? defaults.gpus),
    time: shownDuration(Number(settings?.time_limit_s ?? defaults.time_limit_s)),
    workingDir: text("working_dir"),
    cluster: "",
    partition: text("partition"),
    account: text("account"),
    qos: "",
    idle: idle > 0 ? shownDuration(idle) : "",
    runtimeEnv: (settings?.runtime_env ?? {}) as Record<string, unknown>,
  };
}

/** What rules may look at beside the form's own fields. */
export function factsOf(draft: Draft): Values {
  return {
    cpus: Number(draft.cpus),
    memory_mib: readMemory(draft.memory) ?? 0,
    gpus: Number(draft.gpus),
    time_limit_s: readDuration(draft.time) ?? 0,
    partition: draft.partition || null,
  };
}

/** What is wrong, by field; those of the app's form begin with `form:`. */
export function wrongOf(app: App, draft: Draft): Wrong {
  const wrong: Wrong = {};
  const facts = factsOf(draft);
  if (!(Number(draft.cpus) > 0)) wrong.cpus = words.wrong.cpus;
  if (readMemory(draft.memory) === null) wrong.memory = words.wrong.memory;
  if (draft.gpus !== "" && !(Number(draft.gpus) >= 0)) wrong.gpus = words.wrong.gpus;
  if (readDuration(draft.time) === null) wrong.time = words.wrong.time;
  if (draft.idle && readDuration(draft.idle) === null) wrong.idle = words.wrong.time;
  if (draft.workingDir && !/^(\/|~)/.test(draft.workingDir)) wrong.workingDir = words.wrong.path;
  const bounded = { cpus: "cpus", memory: "memory_mib", gpus: "gpus", time: "time_limit_s" } as const;
  for (const [field, fact] of Object.entries(bounded)) {
    const { min, max } = boundsOf(fact, app, { ...facts, ...draft.values });
    const value = Number(facts[fact]);
    if (wrong[field]) continue;
    if (min !== null && value < min) wrong[field] = words.wrong.least(shownFact(fact, value), shownFact(fact, min));
    if (max !== null && value > max) wrong[field] = words.wrong.most(shownFact(fact, value), shownFact(fact, max));
  }
  for (const field of asked(app, draft.values, facts)) {
    const told = wrongValue(field, draft.values[field.name]);
    if (told) wrong[`form:${field.name}`] = told;
  }
  return wrong;
}

function shownFact(fact: string, value: number): string {
  if (fact === "memory_mib") return shownMemory(value);
  return fact === "time_limit_s" ? shownDuration(value) : String(value);
}

export function requestOf(app: App, draft: Draft): StartSession {
  const shown = new Set(asked(app, draft.values, factsOf(draft)).map((one) => one.name));
  const values = Object.fromEntries(
    Object.entries(draft.values).filter(([name, value]) => shown.has(name) && value !== "" && value !== null),
  );
  const request: Record<string, unknown> = {
    app: app.name,
    values,
    resources: {
      cpus: Number(draft.cpus),
      memory_mib: readMemory(draft.memory),
      gpus: Number(draft.gpus || 0),
    },
    time_limit_s: readDuration(draft.time),
  };
  const optional = { name: draft.name, working_dir: draft.workingDir, cluster: draft.cluster, partition: draft.partition, account: draft.account, qos: draft.qos };
  for (const [name, value] of Object.entries(optional)) if (value) request[name] = value;
  if (draft.idle) request.idle_stop_s = readDuration(draft.idle);
  if (Object.keys(draft.runtimeEnv).length > 0) request.runtime_env = draft.runtimeEnv;
  return request as unknown as StartSession;
}
