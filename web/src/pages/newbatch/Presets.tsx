/** How much it may use: presets first, each amount to change. */

import { useQuery } from "@tanstack/react-query";
import { nodesQuery } from "@/api/queries";
import { Section, TextField } from "@/components";
import { usePreference } from "@/state/preference";
import { composeWords } from "@/words/compose";
import { bounded, type Draft, type Preset, PRESETS, sameAmounts, type Wrong } from "./draft";
import styles from "./newbatch.module.css";

export const LAST = "compose.last";

interface Props {
  draft: Draft;
  wrong: Wrong;
  onChange: (some: Partial<Draft>) => void;
}

export function Presets({ draft, wrong, onChange }: Props) {
  const { presets, fields, help } = composeWords;
  const offered = useOffered();
  const text = (name: "cpus" | "memory" | "gpus" | "time") => ({
    label: fields[name],
    value: draft[name],
    error: wrong[name],
    onChange: (event: { target: { value: string } }) => onChange({ [name]: event.target.value }),
  });
  return (
    <Section title={composeWords.resources}>
      <div className={styles.fields}>
        <div className={styles.presets} role="group" aria-label={presets.label}>
          {offered.map(([name, preset]) => (
            <button
              key={name}
              type="button"
              className={styles.preset}
              aria-pressed={sameAmounts(draft, preset)}
              onClick={() => onChange({ ...preset })}
            >
              <b>{presets[name]}</b>
              <span className="mono">{amounts(preset)}</span>
            </button>
          ))}
        </div>
        <div className={styles.row}>
          <TextField {...text("cpus")} inputMode="decimal" />
          <TextField {...text("memory")} help={help.memory} />
          <TextField {...text("gpus")} inputMode="decimal" />
          <TextField {...text("time")} help={help.time} />
        </div>
        <p className="muted small">{help.defaults}</p>
      </div>
    </Section>
  );
}

/** No preset that no node could hold. */
function useOffered(): (readonly [Preset, Partial<Draft>])[] {
  const { data: nodes = [] } = useQuery(nodesQuery);
  const last = usePreference(LAST);
  const most = {
    cpus: Math.max(0, ...nodes.map((node) => node.cpus)),
    memory_mib: Math.max(0, ...nodes.map((node) => node.memory_mib)),
  };
  const names = (["small", "medium", "gpu"] as const).filter((name) => name !== "gpu" || nodes.some((node) => node.gpus > 0));
  const offered: (readonly [Preset, Partial<Draft>])[] = names.map((name) => [name, bounded(PRESETS[name], most)]);
  return last === null ? offered : [...offered, ["last", JSON.parse(last) as Partial<Draft>]];
}

function amounts(preset: Partial<Draft>): string {
  const parts = [preset.cpus && `${preset.cpus}c`, preset.memory, preset.gpus && `${preset.gpus} GPU`, preset.time];
  return parts.filter(Boolean).join(" ");
}
