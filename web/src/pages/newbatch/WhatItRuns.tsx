/** A script or a command, and the name it is listed as. */

import type { KeyboardEvent } from "react";
import { AreaField, Choice, Section, TextField } from "@/components";
import { composeWords } from "@/words/compose";
import { askedBy } from "./directives";
import type { Draft, Wrong } from "./draft";
import styles from "./newbatch.module.css";

interface Props {
  draft: Draft;
  wrong: Wrong;
  onChange: (some: Partial<Draft>) => void;
}

export function WhatItRuns({ draft, wrong, onChange }: Props) {
  const { kinds, fields, help } = composeWords;
  return (
    <Section
      title={composeWords.what}
      aside={
        <Choice
          label={composeWords.what}
          value={draft.kind}
          options={[
            { value: "script", name: kinds.script },
            { value: "command", name: kinds.command },
          ]}
          onChange={(kind) => onChange({ kind })}
        />
      }
    >
      <div className={styles.fields}>
        {draft.kind === "script" ? (
          <AreaField
            label={kinds.script}
            help={helpOf(draft.script)}
            error={wrong.script}
            className={styles.script}
            rows={12}
            spellCheck={false}
            autoCapitalize="off"
            value={draft.script}
            onChange={(event) => onChange({ script: event.target.value })}
            onKeyDown={(event) => indent(event, (script) => onChange({ script }))}
          />
        ) : (
          <TextField
            label={kinds.command}
            help={composeWords.commandHelp}
            error={wrong.command}
            className={styles.command}
            spellCheck={false}
            autoCapitalize="off"
            value={draft.command}
            onChange={(event) => onChange({ command: event.target.value })}
          />
        )}
        <TextField
          label={fields.name}
          help={help.name}
          value={draft.name}
          onChange={(event) => onChange({ name: event.target.value })}
        />
      </div>
    </Section>
  );
}

/** What its own lines ask for, and which of them count only for the commands. */
function helpOf(script: string): string {
  const { fields, others } = askedBy(script);
  const { name, cpus, memory, gpus, time, array, partition } = fields;
  const words = [name, cpus && `${cpus} CPUs`, memory, gpus && `${gpus} GPUs`, time, array && `array ${array}`, partition];
  const told = words.filter(Boolean).join(", ");
  const lines = [told ? composeWords.asked(told) : composeWords.scriptHelp, others.length > 0 && composeWords.notRead(others.join(" "))];
  return lines.filter(Boolean).join(" ");
}

/** A line that is begun is as far in as the one before it. Tab stays the way to the next field. */
function indent(event: KeyboardEvent<HTMLTextAreaElement>, change: (text: string) => void): void {
  if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const area = event.currentTarget;
  const before = area.value.slice(0, area.selectionStart);
  const spaces = /(?:^|\n)([ \t]+)[^\n]*$/.exec(before)?.[1];
  if (!spaces) return;
  event.preventDefault();
  const at = before.length + 1 + spaces.length;
  change(`${before}\n${spaces}${area.value.slice(area.selectionEnd)}`);
  requestAnimationFrame(() => area.setSelectionRange(at, at));
}
