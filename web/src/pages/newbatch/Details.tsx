/** What few jobs need, folded away; open where something of it is set. */

import { useQuery } from "@tanstack/react-query";
import { useClusters } from "@/api/queries";
import { AreaField, CheckField, SelectField, TextField } from "@/components";
import { composeWords } from "@/words/compose";
import { partitionsQuery } from "../cluster/asks";
import { type Draft, type Field, MOMENTS, type Wrong, withMoment } from "./draft";
import styles from "./newbatch.module.css";

interface Props {
  draft: Draft;
  wrong: Wrong;
  onChange: (some: Partial<Draft>) => void;
}

const OF_DETAILS: readonly Field[] = ["array", "after", "begin", "group", "env", "retries", "hold", "requeue", "nodes", "account", "notify"];

export function Details({ draft, wrong, onChange }: Props) {
  const { fields, help } = composeWords;
  const clusters = useClusters();
  const { data: every = [] } = useQuery(partitionsQuery);
  const partitions = every.filter((one) => !draft.cluster || one.cluster === draft.cluster);
  const set = (name: Field) => (event: { target: { value: string } }) => onChange({ [name]: event.target.value });
  const open = OF_DETAILS.some((name) => Boolean(draft[name]));
  return (
    <>
      <div className={styles.row}>
        <TextField label={fields.workingDir} help={help.workingDir} value={draft.workingDir} onChange={set("workingDir")} spellCheck={false} />
        {clusters.length > 0 && (
          <SelectField
            label={fields.cluster}
            value={draft.cluster}
            // A partition is on one cluster: another cluster, another partition.
            onChange={(event) => onChange({ cluster: event.target.value, partition: "" })}
            options={[{ value: "", name: "-" }, ...clusters.map((name) => ({ value: name, name }))]}
          />
        )}
        <SelectField
          label={fields.partition}
          value={draft.partition}
          onChange={set("partition")}
          options={[{ value: "", name: "-" }, ...partitions.map(({ name }) => ({ value: name, name }))]}
        />
      </div>
      <details className={styles.details} open={open || undefined}>
        <summary>{composeWords.details}</summary>
        <div className={styles.fields}>
          <div className={`${styles.row} ${styles.wide}`}>
            <TextField label={fields.array} help={help.array} value={draft.array} onChange={set("array")} />
            <TextField label={fields.nodes} error={wrong.nodes} value={draft.nodes} onChange={set("nodes")} inputMode="numeric" />
          </div>
          <div className={`${styles.row} ${styles.wide}`}>
            <TextField label={fields.after} help={help.after} value={draft.after} onChange={set("after")} />
            <TextField label={fields.begin} type="datetime-local" value={draft.begin} onChange={set("begin")} />
          </div>
          <div className={styles.row}>
            <TextField label={fields.group} value={draft.group} onChange={set("group")} />
            <TextField label={fields.account} value={draft.account} onChange={set("account")} />
            <TextField label={fields.retries} error={wrong.retries} value={draft.retries} onChange={set("retries")} inputMode="numeric" />
          </div>
          <AreaField label={fields.env} help={help.env} error={wrong.env} rows={3} spellCheck={false} value={draft.env} onChange={set("env")} />
          <CheckField label={fields.requeue} checked={draft.requeue} onChange={(event) => onChange({ requeue: event.target.checked })} />
          <CheckField label={fields.hold} help={help.hold} checked={draft.hold} onChange={(event) => onChange({ hold: event.target.checked })} />
          <Notify draft={draft} onChange={onChange} />
        </div>
      </details>
    </>
  );
}

/** Of what to tell, and where. Browsers are told of every end, as Settings say. */
function Notify({ draft, onChange }: Pick<Props, "draft" | "onChange">) {
  const { fields, help, moments } = composeWords;
  const chosen = draft.notify.split(",");
  return (
    <fieldset className={styles.notify}>
      <legend>{fields.notify}</legend>
      <div className={styles.moments}>
        {MOMENTS.map((one) => (
          <CheckField
            key={one}
            label={moments[one]}
            checked={chosen.includes(one)}
            onChange={(event) => onChange({ notify: withMoment(draft.notify, one, event.target.checked) })}
          />
        ))}
      </div>
      {draft.notify && (
        <TextField
          label={fields.notifyTo}
          help={help.notifyTo}
          value={draft.notifyTo}
          onChange={(event) => onChange({ notifyTo: event.target.value })}
          spellCheck={false}
          autoCapitalize="off"
        />
      )}
    </fieldset>
  );
}
