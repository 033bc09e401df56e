/** The form of one app: its size, its own questions, details; beside it when it would start. */

import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useCallback, useRef, useState } from "react";
import { Problem, api, sentenceOf } from "@/api/client";
import { readAgain } from "@/api/again";
import { keys } from "@/api/keys";
import { useClusters } from "@/api/queries";
import type { App, Session } from "@/api/types";
import { Button, Page as PageFrame, SelectField, TextField, toastFailure } from "@/components";
import { askForNotifications } from "@/frame/notifications";
import { words } from "@/words/newsession";
import { AppIcon } from "../sessions/AppIcon";
import { Amounts } from "./Amounts";
import { AppFields } from "./AppFields";
import { SessionRail } from "./SessionRail";
import { type Draft, type Wrong, requestOf, wrongOf } from "./draft";
import styles from "../newbatch/newbatch.module.css";
import own from "./newsession.module.css";

interface Props {
  app: App;
  first: Draft;
  /** The session that this one is made after; the card of one that has ended goes. */
  replaces?: Session;
}

export function SessionForm({ app, first, replaces }: Props) {
  const [draft, setDraft] = useState(first);
  const [refused, setRefused] = useState<Problem | null>(null);
  const change = (some: Partial<Draft>) => {
    setRefused(null);
    setDraft((now) => ({ ...now, ...some }));
  };
  const { start, busy } = useStart(app, draft, replaces, setRefused);
  const here = wrongOf(app, draft);
  const ready = Object.keys(here).length === 0;
  const refusedField = told(refused, app);
  const wrong: Wrong = { ...refusedField, ...here };
  const told_ = useCallback((error: Problem | null) => setRefused(error), []);
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (ready) void start();
    else requestAnimationFrame(() => document.querySelector<HTMLElement>("[aria-invalid]")?.focus());
  };
  return (
    <PageFrame title={app.title} head={<Head app={app} />}>
      <form className={styles.page} onSubmit={send} noValidate>
        <div className={styles.form}>
          <Amounts app={app} draft={draft} wrong={wrong} change={change} />
          <AppFields app={app} draft={draft} wrong={wrong} put={(name, value) => change({ values: { ...draft.values, [name]: value } })} />
          <Details draft={draft} wrong={wrong} change={change} />
          {refused && !Object.keys(refusedField).length && (
            <p className={styles.refused} role="alert">
              {refused.message} {refused.code.startsWith("form:") && words.formChanged}
            </p>
          )}
          <div className={styles.submit}>
            <Button kind="primary" type="submit" changes busy={busy} disabled={app.unavailable !== null}>
              {busy ? words.launching : words.launch}
            </Button>
          </div>
        </div>
        <SessionRail app={app} draft={draft} ready={ready && app.unavailable === null} refused={told_} />
      </form>
    </PageFrame>
  );
}

function Head({ app }: { app: App }) {
  return (
    <div className={own.head}>
      <AppIcon app={app.name} title={app.title} large />
      <div>
        <h1>{app.title}</h1>
        <p className="muted">
          {app.summary} <Link to="/new/session">{words.more_}</Link>
        </p>
        {app.unavailable !== null && (
          <p className={styles.refused} role="alert">
            {sentenceOf(app.unavailable)}
          </p>
        )}
      </div>
    </div>
  );
}

function Details({ draft, wrong, change }: { draft: Draft; wrong: Wrong; change: (some: Partial<Draft>) => void }) {
  const clusters = useClusters();
  const text = (name: keyof Draft, label: string, help?: string) => (
    <TextField
      label={label}
      help={help}
      error={wrong[name]}
      value={String(draft[name])}
      onChange={(event) => change({ [name]: event.target.value })}
    />
  );
  return (
    <details className={styles.details} open={Boolean(wrong.workingDir || wrong.idle) || undefined}>
      <summary>{words.details}</summary>
      <div className={styles.fields}>
        {text("name", words.name, words.nameHelp)}
        {text("workingDir", words.directory, words.directoryHelp)}
        {text("idle", words.idle, words.idleHelp)}
        <div className={styles.row}>
          {clusters.length > 0 && (
            <SelectField
              label={words.cluster}
              value={draft.cluster}
              onChange={(event) => change({ cluster: event.target.value, partition: "" })}
              options={[{ value: "", name: "-" }, ...clusters.map((name) => ({ value: name, name }))]}
            />
          )}
          {text("partition", words.partition)}
          {text("account", words.account)}
          {text("qos", words.qos)}
        </div>
      </div>
    </details>
  );
}

/** A refusal at its field, where its code names one that this form has. */
function told(refused: Problem | null, app: App): Wrong {
  const name = refused?.code.startsWith("form:") ? refused.code.slice("form:".length) : null;
  return refused && app.fields.some((field) => field.name === name) ? { [refused.code]: refused.message } : {};
}

function useStart(app: App, draft: Draft, replaces: Session | undefined, refuse: (error: Problem) => void) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [busy, setBusy] = useState(false);
  // The same form sent twice, because an answer was lost, starts one session.
  const sent = useRef({ text: "", key: "" });
  const start = async () => {
    const body = requestOf(app, draft);
    const text = JSON.stringify(body);
    if (sent.current.text !== text) sent.current = { text, key: crypto.randomUUID() };
    setBusy(true);
    try {
      const session = await api.post<Session>("/v1/sessions", body, { idempotencyKey: sent.current.key });
      if (replaces?.state === "failed") await api.delete(`/v1/sessions/${replaces.id}`).catch(() => undefined);
      client.setQueryData(keys.session(session.id), session);
      // It may have gone on before the answer was here: its page asks.
      void client.invalidateQueries({ queryKey: keys.session(session.id) });
      readAgain(client, keys.sessions);
      void askForNotifications();
      await navigate({ to: "/sessions" });
    } catch (error) {
      if (error instanceof Problem && error.status !== 0 && error.status < 500) {
        sent.current = { text: "", key: "" };
        refuse(error);
      } else toastFailure(error);
      setBusy(false);
    }
  };
  return { start, busy };
}
