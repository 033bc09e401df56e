/** The fields of a notebook's run: what is wrong first, then its parameters, packages, resources and output. */

import { useState } from "react";
import type { NotebookDetails, NotebookParameter } from "@/api/types";
import { Button, CheckField, SelectField, TextField } from "@/components";
import { count, memory, span, trim } from "@/state/format";
import { words } from "@/words/notebooks";
import { type Draft, shown } from "./batch";
import styles from "./BatchDialog.module.css";

interface Props {
  details: NotebookDetails;
  draft: Draft;
  change: (part: Partial<Draft>) => void;
  save?: () => Promise<void>;
  look: () => void;
}

export function BatchForm(props: Props) {
  const { details, draft, change } = props;
  return (
    <>
      <Findings {...props} />
      <Parameters {...props} />
      {details.packages.length > 0 && (
        <fieldset className={styles.group}>
          <legend>{words.packages}</legend>
          <p className="muted small">{words.packagesHow}</p>
          {details.packages.map(({ name, version, line }) => (
            <CheckField
              key={line}
              label={`${name} ${version}`}
              checked={draft.packages.includes(line)}
              onChange={(event) =>
                change({
                  packages: event.target.checked
                    ? [...draft.packages, line]
                    : draft.packages.filter((one) => one !== line),
                })
              }
            />
          ))}
        </fieldset>
      )}
      <details className={styles.fold}>
        <summary>
          {words.resources} <span className="muted">{words.resourcesAs(asked(details))}</span>
        </summary>
        <div className={styles.columns}>
          <TextField label={words.cpus} inputMode="decimal" placeholder={trim(Number(details.resources.cpus))} value={draft.cpus} onChange={(event) => change({ cpus: event.target.value })} />
          <TextField label={words.memory} unit="GiB" inputMode="decimal" placeholder={gib(details)} value={draft.memoryGib} onChange={(event) => change({ memoryGib: event.target.value })} />
          <TextField label={words.time} unit="h" inputMode="decimal" placeholder={hours(details)} value={draft.hours} onChange={(event) => change({ hours: event.target.value })} />
          {draft.mode === "sweep" && (
            <TextField label={words.throttle} help={words.throttleHelp} inputMode="numeric" value={draft.throttle} onChange={(event) => change({ throttle: event.target.value })} />
          )}
        </div>
      </details>
      <TextField
        label={words.output}
        help={words.outputHelp}
        className={styles.path}
        placeholder={named(draft.mode === "sweep" ? details.sweep_output : details.output)}
        value={draft.output}
        onChange={(event) => change({ output: event.target.value })}
      />
    </>
  );
}

/** Problems keep it from being run; what is not saved has to be saved, or meant to be left out. */
function Findings({ details, draft, change, save, look }: Props) {
  const [saving, setSaving] = useState(false);
  const { unsaved } = details;
  const held = unsaved.state === "yes" || unsaved.state === "likely";
  const saveNow = () => {
    setSaving(true);
    void save?.().finally(() => setSaving(false));
  };
  return (
    <>
      {details.problems.map((one) => (
        <p key={one} className={styles.problem} role="alert">
          {one}
        </p>
      ))}
      {unsaved.sentence && (
        <div className={held ? styles.problem : styles.warning} role={held ? "alert" : undefined}>
          <p>{unsaved.sentence}</p>
          {held && (
            <div className={styles.held}>
              {save && (
                <Button small kind="primary" busy={saving} onClick={saveNow}>
                  {saving ? words.saving : words.save}
                </Button>
              )}
              <Button small onClick={look}>
                {words.again}
              </Button>
              <CheckField label={words.asSaved} checked={draft.asSaved} onChange={(event) => change({ asSaved: event.target.checked })} />
            </div>
          )}
        </div>
      )}
      {details.warnings.map((one) => (
        <p key={one} className={styles.warning}>
          {one}
        </p>
      ))}
    </>
  );
}

function Parameters({ details, draft, change }: Props) {
  if (!details.marked) return <p className="muted prose">{words.noParameters}</p>;
  if (details.parameters.length === 0) return <p className="muted prose">{words.noParametersMarked}</p>;
  return (
    <fieldset className={styles.group}>
      <legend>{words.parameters}</legend>
      <div className={styles.columns}>
        {details.parameters.map((one) => (
          <ParameterField
            key={one.name}
            parameter={one}
            swept={draft.mode === "sweep"}
            value={draft.values[one.name]}
            put={(value) => change({ values: { ...draft.values, [one.name]: value } })}
          />
        ))}
      </div>
    </fieldset>
  );
}

interface FieldProps {
  parameter: NotebookParameter;
  swept: boolean;
  value: string | undefined;
  put: (value: string) => void;
}

function ParameterField({ parameter, swept, value, put }: FieldProps) {
  const { name, kind, help, source } = parameter;
  const label = <span className="mono">{name}</span>;
  if (swept)
    return <TextField label={label} help={help || undefined} placeholder={words.asIs(source)} value={value ?? ""} onChange={(event) => put(event.target.value)} />;
  if (kind === "truth")
    return (
      <SelectField
        label={label}
        help={help || undefined}
        value={value ?? shown(parameter)}
        options={["True", "False"].map((one) => ({ value: one, name: one }))}
        onChange={(event) => put(event.target.value)}
      />
    );
  const known = kind !== "other";
  return (
    <TextField
      label={label}
      help={help || undefined}
      inputMode={kind === "whole" || kind === "number" ? "decimal" : undefined}
      placeholder={known ? undefined : words.asIs(source)}
      value={value ?? (known ? shown(parameter) : "")}
      onChange={(event) => put(event.target.value)}
    />
  );
}

function asked(details: NotebookDetails): string {
  const { cpus, memory_mib, gpus } = details.resources as Record<string, number | undefined>;
  const parts = [count(cpus ?? 1, "CPU")];
  if (memory_mib) parts.push(memory(memory_mib));
  if (gpus) parts.push(count(gpus, "GPU"));
  if (details.time_limit_s) parts.push(span(details.time_limit_s));
  return parts.join(", ");
}

function gib(details: NotebookDetails): string {
  const mib = Number(details.resources.memory_mib ?? 0);
  return mib ? trim(mib / 1024) : "";
}

function hours(details: NotebookDetails): string {
  return details.time_limit_s ? trim(details.time_limit_s / 3600) : "";
}

/** The numbers come with the job. */
function named(path: string): string {
  return path.replace("{job}", "JOB").replace("{task}", "TASK");
}
