/** The app's own questions, as its rules have them now. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { App, AppField } from "@/api/types";
import { CheckField, CopyLine, SelectField, TextField } from "@/components";
import { words } from "@/words/newsession";
import { pythonsQuery } from "../sessions/queries";
import { type Draft, type Wrong, factsOf } from "./draft";
import { asked } from "./rules";
import styles from "../newbatch/newbatch.module.css";
import own from "./newsession.module.css";

interface Props {
  app: App;
  draft: Draft;
  wrong: Wrong;
  put: (name: string, value: unknown) => void;
}

export function AppFields({ app, draft, wrong, put }: Props) {
  const fields = asked(app, draft.values, factsOf(draft));
  const shown = fields.filter((one) => !one.folded);
  const folded = fields.filter((one) => one.folded);
  const one = (field: AppField) => (
    <FormField key={field.name} field={field} value={draft.values[field.name]} error={wrong[`form:${field.name}`]} put={(value) => put(field.name, value)} />
  );
  return (
    <>
      {shown.length > 0 && <div className={styles.fields}>{shown.map(one)}</div>}
      {folded.length > 0 && (
        <details className={styles.details} open={folded.some((field) => wrong[`form:${field.name}`]) || undefined}>
          <summary>{words.more}</summary>
          <div className={styles.fields}>{folded.map(one)}</div>
        </details>
      )}
    </>
  );
}

interface FieldProps {
  field: AppField;
  value: unknown;
  error: string | undefined;
  put: (value: unknown) => void;
}

function FormField({ field, value, error, put }: FieldProps) {
  const common = { label: field.label, help: field.help || undefined, error };
  if (field.type === "switch")
    return <CheckField label={field.label} help={field.help || undefined} checked={value === true} onChange={(event) => put(event.target.checked)} />;
  if (field.type === "python") return <PythonField field={field} value={String(value ?? "")} error={error} put={put} />;
  if (field.type === "choice")
    return (
      <SelectField
        {...common}
        value={String(value ?? "")}
        options={field.options.map((one) => ({ value: one.value, name: one.label }))}
        onChange={(event) => put(event.target.value)}
      />
    );
  const number = field.type === "number" || field.type === "integer";
  return (
    <TextField
      {...common}
      value={String(value ?? "")}
      inputMode={number ? "decimal" : undefined}
      placeholder={field.placeholder}
      required={field.required}
      onChange={(event) => put(event.target.value)}
    />
  );
}

const OTHER = "other";

/** The Python that comes along, one that was found, or the path of another; one that runs no notebooks is told. */
function PythonField({ field, value, error, put }: FieldProps & { value: string }) {
  const { data: pythons = [] } = useQuery(pythonsQuery);
  const known = value === "managed" || pythons.some((one) => one.path === value);
  const [other, setOther] = useState(!known && value !== "");
  const chosen = pythons.find((one) => one.path === value);
  const options = [
    { value: "managed", name: words.managed },
    ...pythons.map((one) => ({ value: one.path, name: `${one.path} (${one.version}${one.ipykernel ? "" : `, ${words.noKernelShort}`})` })),
    { value: OTHER, name: words.otherPython },
  ];
  return (
    <div className={own.python}>
      <SelectField
        label={field.label}
        help={value === "managed" ? words.managedHelp : field.help}
        error={other ? undefined : error}
        value={other ? OTHER : known ? value : (pythons.length > 0 ? OTHER : value)}
        options={known || other || pythons.length > 0 ? options : [...options, { value, name: value }]}
        onChange={(event) => {
          setOther(event.target.value === OTHER);
          if (event.target.value !== OTHER) put(event.target.value);
        }}
      />
      {(other || (!known && pythons.length > 0)) && (
        <TextField label={words.pythonPath} error={error} value={value === "managed" ? "" : value} placeholder="~/project/.venv/bin/python" onChange={(event) => put(event.target.value)} />
      )}
      {chosen?.fix && (
        <div className={own.fix}>
          <p>{words.noKernel}</p>
          <CopyLine prompt="$" text={chosen.fix} />
        </div>
      )}
    </div>
  );
}
