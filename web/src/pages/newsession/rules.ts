/** The rules of an app's form, as the server has them: what is asked, and within which bounds. Pure. */

import type { App, AppField } from "@/api/types";
import { words } from "@/words/newsession";

type When = Record<string, unknown[]>;
export type Values = Record<string, unknown>;

/** Whether all that it names has one of the values named; nothing named: yes. */
export function fits(when: When, seen: Values): boolean {
  return Object.entries(when).every(([name, wanted]) => wanted.includes(seen[name]));
}

/** The fields that are asked now, each with the bounds and options that hold now. */
export function asked(app: App, values: Values, facts: Values): AppField[] {
  const seen: Values = { ...facts, ...values };
  const shown: AppField[] = [];
  for (const field of app.fields) {
    if (!fits(field.when, seen)) seen[field.name] = field.default;
    else shown.push(under(field, app, seen));
  }
  return shown;
}

/** The bounds of something outside the form (`cpus`, `time_limit_s` ...) while certain values are chosen. */
export function boundsOf(name: string, app: App, seen: Values): { min: number | null; max: number | null } {
  const rules = app.rules.filter((rule) => rule.field === name && fits(rule.when, seen));
  return {
    min: rules.reduce<number | null>((found, rule) => rule.min ?? found, null),
    max: rules.reduce<number | null>((found, rule) => rule.max ?? found, null),
  };
}

function under(field: AppField, app: App, seen: Values): AppField {
  let now = field;
  for (const rule of app.rules) {
    if (rule.field !== field.name || !fits(rule.when, seen)) continue;
    now = {
      ...now,
      min: rule.min ?? now.min,
      max: rule.max ?? now.max,
      required: rule.required ?? now.required,
      options: rule.options.length > 0 ? now.options.filter((one) => rule.options.includes(one.value)) : now.options,
    };
  }
  return { ...now, options: now.options.filter((one) => fits(one.when, seen)) };
}

/** What is wrong by what the page knows itself; the server looks again. */
export function wrongValue(field: AppField, value: unknown): string | null {
  const empty = value === null || value === undefined || value === "";
  if (empty) return field.required ? words.wrong.empty : null;
  if (field.type === "number" || field.type === "integer") {
    const number = Number(value);
    if (!Number.isFinite(number) || (field.type === "integer" && !Number.isInteger(number)))
      return field.type === "integer" ? words.wrong.whole : words.wrong.number;
    if (field.min !== null && number < field.min) return words.wrong.least(String(number), String(field.min));
    if (field.max !== null && number > field.max) return words.wrong.most(String(number), String(field.max));
  }
  if ((field.type === "path" || field.type === "python") && value !== "managed" && !/^(\/|~\/)/.test(String(value)))
    return words.wrong.path;
  return null;
}
