/** Changing a job that waits: only what was changed is sent. */

import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { changeJob } from "@/api/changejob";
import type { Job } from "@/api/types";
import { Button, Dialog, TextField, toast } from "@/components";
import { ref } from "@/state/jobstate";
import { words } from "@/words";
import { composeWords } from "@/words/compose";
import { jobWords } from "@/words/jobs";
import { readDuration, readMemory, shownDuration, shownMemory } from "../newbatch/amounts";
import styles from "./job.module.css";

interface Fields {
  name: string;
  cpus: string;
  memory: string;
  gpus: string;
  time: string;
  partition: string;
}

export function EditDialog({ job, onClose }: { job: Job; onClose: () => void }) {
  const client = useQueryClient();
  const before = fieldsOf(job);
  const [fields, setFields] = useState(before);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const set = (name: keyof Fields) => (event: { target: { value: string } }) =>
    setFields({ ...fields, [name]: event.target.value });
  const save = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await changeJob(client, job, changesOf(before, fields));
      toast(jobWords.act.changed);
      onClose();
    } catch (refused) {
      setError(refused instanceof Error ? refused.message : String(refused));
      setBusy(false);
    }
  };
  const { fields: names } = composeWords;
  return (
    <Dialog
      open
      title={`${jobWords.act.edit} ${ref(job)}`}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{words.act.cancel}</Button>
          <Button kind="primary" type="submit" form="edit-job" changes busy={busy}>
            {words.act.save}
          </Button>
        </>
      }
    >
      <form id="edit-job" className={styles.form} onSubmit={(event) => void save(event)}>
        <TextField label={names.name} value={fields.name} onChange={set("name")} autoFocus />
        <TextField label={names.cpus} value={fields.cpus} onChange={set("cpus")} inputMode="decimal" />
        <TextField label={names.memory} value={fields.memory} onChange={set("memory")} />
        <TextField label={names.gpus} value={fields.gpus} onChange={set("gpus")} inputMode="decimal" />
        <TextField label={names.time} value={fields.time} onChange={set("time")} />
        <TextField label={names.partition} value={fields.partition} onChange={set("partition")} />
        {error && <p role="alert" className={styles.error}>{error}</p>}
      </form>
    </Dialog>
  );
}

function fieldsOf(job: Job): Fields {
  return {
    name: job.name,
    cpus: String(job.resources.cpus),
    memory: shownMemory(job.resources.memory_mib),
    gpus: String(job.resources.gpus),
    time: job.time_limit_s === null ? "" : shownDuration(job.time_limit_s),
    partition: job.partition,
  };
}

function changesOf(before: Fields, now: Fields): Record<string, unknown> {
  const all: [keyof Fields, string, unknown][] = [
    ["name", "name", now.name],
    ["cpus", "cpus", Number(now.cpus)],
    ["memory", "memory_mib", readMemory(now.memory)],
    ["gpus", "gpus", Number(now.gpus)],
    ["time", "time_limit_s", readDuration(now.time)],
    ["partition", "partition", now.partition],
  ];
  return Object.fromEntries(all.filter(([name]) => now[name] !== before[name]).map(([, key, value]) => [key, value]));
}
