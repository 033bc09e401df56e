/** How much a session gets: presets first, each amount to change. */

import { useQuery } from "@tanstack/react-query";
import { nodesQuery } from "@/api/queries";
import type { App } from "@/api/types";
import { Section, TextField } from "@/components";
import { words } from "@/words/newsession";
import { readMemory, shownDuration, shownMemory } from "../newbatch/amounts";
import type { Amounts as Asked, Draft, Wrong } from "./draft";
import { draftOf } from "./draft";
import styles from "../newbatch/newbatch.module.css";

interface Props {
  app: App;
  draft: Draft;
  wrong: Wrong;
  change: (some: Partial<Draft>) => void;
}

export function Amounts({ app, draft, wrong, change }: Props) {
  const offered = useOffered(app);
  const chosen = offered.findIndex(([, preset]) => same(draft, preset));
  const text = (name: keyof Asked, label: string) => ({
    label,
    value: draft[name],
    error: wrong[name],
    onChange: (event: { target: { value: string } }) => change({ [name]: event.target.value }),
  });
  return (
    <Section title={words.size}>
      <div className={styles.fields}>
        <div className={styles.presets} role="group" aria-label={words.size}>
          {offered.map(([name, preset], index) => (
            <button key={name} type="button" className={styles.preset} aria-pressed={index === chosen} onClick={() => change(preset)}>
              <b>{name}</b>
              <span className="mono">{[`${preset.cpus}c`, preset.memory, Number(preset.gpus) > 0 && `${preset.gpus} GPU`, preset.time].filter(Boolean).join(" ")}</span>
            </button>
          ))}
        </div>
        <div className={styles.row}>
          <TextField {...text("cpus", words.cpus)} inputMode="decimal" />
          <TextField {...text("memory", words.memory)} />
          <TextField {...text("gpus", words.gpus)} inputMode="decimal" />
          <TextField {...text("time", words.time)} />
        </div>
      </div>
    </Section>
  );
}

/** Amounts alone, or of what was saved under a name the whole form. */
type Offered = Asked & Partial<Draft>;

/** As the app says, four times that, with a GPU where there is one, what was asked for last, what was saved. */
function useOffered(app: App): [string, Offered][] {
  const { data: nodes = [] } = useQuery(nodesQuery);
  const most = { cpus: Math.max(1, ...nodes.map((one) => one.cpus)), memory: Math.max(1024, ...nodes.map((one) => one.memory_mib)) };
  const { cpus, memory_mib, time_limit_s, gpus } = app.defaults;
  const sized = (times: number, withGpus: number): Asked => ({
    cpus: String(Math.min(cpus * times, Math.floor(most.cpus))),
    memory: shownMemory(Math.min(memory_mib * times, most.memory)),
    gpus: String(withGpus),
    time: shownDuration(time_limit_s),
  });
  const offered: [string, Offered][] = [
    [words.small, sized(1, gpus)],
    [words.medium, sized(4, gpus)],
  ];
  if (nodes.some((one) => one.gpus > 0)) offered.push([words.gpu, sized(4, Math.max(1, gpus))]);
  if (app.last) {
    const { cpus: last, memory, gpus: lastGpus, time } = draftOf(app, app.last);
    offered.push([words.last, { cpus: last, memory, gpus: lastGpus, time }]);
  }
  return [...offered, ...app.saved.map(({ name, settings }): [string, Offered] => [name, draftOf(app, settings)])];
}

function same(draft: Draft, preset: Offered): boolean {
  return (
    (preset.values === undefined || JSON.stringify(preset.values) === JSON.stringify(draft.values)) &&
    Number(draft.cpus) === Number(preset.cpus) &&
    readMemory(draft.memory) === readMemory(preset.memory) &&
    Number(draft.gpus || 0) === Number(preset.gpus) &&
    draft.time === preset.time
  );
}
