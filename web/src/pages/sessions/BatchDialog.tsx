/** A notebook of a session as a batch job: which one, once or as a sweep, and all that may keep it from running. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "@/api/client";
import type { NotebookDetails, NotebookItem, Session, SubmittedJob } from "@/api/types";
import { Ago, Button, Choice, Dialog, Failure, Skeleton, toast } from "@/components";
import { words as all } from "@/words";
import { words } from "@/words/notebooks";
import { BatchForm } from "./BatchForm";
import { type Draft, bodyOf, draftOf, tasksOf } from "./batch";
import { notebookQuery, notebooksQuery } from "./queries";
import styles from "./BatchDialog.module.css";

interface Props {
  session: Session;
  onClose: () => void;
  /** Asks the app, where it is in this page, to save what is not saved. */
  save?: () => Promise<void>;
  /** The notebook to begin with. */
  path?: string;
}

export function BatchDialog({ session, onClose, save, path }: Props) {
  const list = useQuery(notebooksQuery(session.id));
  const [chosen, setChosen] = useState<string | null>(path ?? null);
  const notebooks = list.data?.notebooks ?? [];
  const current = chosen ?? notebooks[0]?.path ?? null;
  return (
    <Dialog open wide title={words.title} onClose={onClose}>
      <div className={styles.parts}>
        <p className="muted prose">{words.how}</p>
        {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
        {list.isPending && <Skeleton width="100%" height={108} />}
        {list.data && notebooks.length === 0 && (
          <p>
            {words.none(list.data.directory)} <span className="muted">{words.noneHow}</span>
          </p>
        )}
        {notebooks.length > 0 && <Notebooks notebooks={notebooks} current={current} choose={setChosen} />}
        {list.data?.note && <p className="muted small">{list.data.note}</p>}
        {current && <Chosen key={current} session={session} path={current} onClose={onClose} save={save} />}
      </div>
    </Dialog>
  );
}

/** The last edited first. */
function Notebooks(props: { notebooks: NotebookItem[]; current: string | null; choose: (path: string) => void }) {
  return (
    <fieldset className={styles.list}>
      <legend>{words.choose}</legend>
      <div className={styles.scroll}>
        {props.notebooks.map((one) => (
          <label key={one.path} className={styles.notebook} title={one.path}>
            <input type="radio" name="notebook" checked={one.path === props.current} onChange={() => props.choose(one.path)} />
            <span className={styles.name}>{one.name}</span>
            {one.open && <span className={styles.open}>{words.openNow}</span>}
            {one.made && <span className={styles.open}>{words.made}</span>}
            <span className={`muted small ${styles.when}`}>
              {words.edited} <Ago at={one.modified_at} />
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function Chosen({ session, path, onClose, save }: Props & { path: string }) {
  const details = useQuery(notebookQuery(session.id, path));
  if (details.error) return <Failure error={details.error} retry={() => void details.refetch()} />;
  if (!details.data)
    return (
      <div className={styles.parts} aria-label={words.look}>
        <Skeleton width="60%" />
        <Skeleton width="100%" height={72} />
      </div>
    );
  const again = async () => {
    await save?.();
    await details.refetch();
  };
  return <Run key={details.data.modified_at} session={session} details={details.data} onClose={onClose} save={save && again} look={() => void details.refetch()} />;
}

interface RunProps {
  session: Session;
  details: NotebookDetails;
  onClose: () => void;
  save?: () => Promise<void>;
  look: () => void;
}

function Run({ session, details, onClose, save, look }: RunProps) {
  const [draft, setDraft] = useState<Draft>(() => draftOf(details));
  const [failure, setFailure] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const navigate = useNavigate();
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const tasks = draft.mode === "sweep" ? tasksOf(draft) : 1;
  const held = details.unsaved.state === "yes" || details.unsaved.state === "likely";
  const blocked = details.problems.length > 0 || (held && !draft.asSaved) || tasks === 0;
  const submit = async () => {
    setBusy(true);
    setFailure(null);
    try {
      const job = await api.post<SubmittedJob>(`/v1/sessions/${session.id}/batch`, bodyOf(details, draft));
      void client.invalidateQueries({ queryKey: ["jobs"] });
      onClose();
      toast(words.queued(String(job.id)));
      void navigate({ to: "/jobs/$job", params: { job: String(job.id) } as never });
    } catch (error) {
      setFailure(error as Error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      className={styles.parts}
      onSubmit={(event) => {
        event.preventDefault();
        if (!blocked && !busy) void submit();
      }}
    >
      {details.marked && details.parameters.length > 0 && (
        <div className={styles.mode}>
          <Choice
          label={words.how_}
          value={draft.mode}
          options={[
            { value: "once", name: words.once },
            { value: "sweep", name: words.sweep },
          ]}
            onChange={(mode) => change({ mode })}
          />
        </div>
      )}
      <BatchForm details={details} draft={draft} change={change} save={save} look={look} />
      {failure && <Failure error={failure} />}
      <footer className={styles.actions}>
        <span className="muted small">{draft.mode === "sweep" && (tasks > 0 ? words.tasks(tasks) : words.tasksNone)}</span>
        <Button onClick={onClose}>{all.act.close}</Button>
        <Button kind="primary" type="submit" changes busy={busy} disabled={blocked}>
          {tasks > 1 ? words.runSweep(tasks) : words.run}
        </Button>
      </footer>
    </form>
  );
}
