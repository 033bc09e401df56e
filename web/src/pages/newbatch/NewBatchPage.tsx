/** Composing a batch job: what it runs, how much it may use, and beside that when it would start. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { api, Problem } from "@/api/client";
import { keys } from "@/api/keys";
import { jobNow } from "@/api/overtaken";
import { jobQuery, whyQuery } from "@/api/queries";
import type { SubmittedJob } from "@/api/types";
import { Button, Failure, Page as PageFrame, SkeletonRows } from "@/components";
import { askForNotifications } from "@/frame/notifications";
import { setPreference } from "@/state/preference";
import { useSearch } from "@/state/useSearch";
import { composeWords } from "@/words/compose";
import { textsQuery } from "../job/questions";
import { Details } from "./Details";
import { amountsOf, type Draft, draftOf, EMPTY, submissionOf, withChanges, withOptions, wrongOf } from "./draft";
import { withAsked } from "./directives";
import { draftOfFile, fileQuery } from "./fromfile";
import { LAST, Presets } from "./Presets";
import { Rail } from "./Rail";
import { WhatItRuns } from "./WhatItRuns";
import styles from "./newbatch.module.css";

const KEPT = "launchyard.draft";

export function Page() {
  const [search] = useSearch();
  if (search.script) return <OfFile key={search.script} path={search.script} />;
  return search.from ? <Again key={search.from} id={search.from} fix={search.fix === "1"} changes={search.with} /> : <Composer />;
}

/** A script of the file browser. */
function OfFile({ path }: { path: string }) {
  const { data, error } = useQuery(fileQuery(path));
  if (error) return <PageFrame title={composeWords.title}><Failure error={error} /></PageFrame>;
  if (!data) return <PageFrame title={composeWords.title}><SkeletonRows /></PageFrame>;
  return <Composer first={draftOfFile(data)} />;
}

/** A job that was is the draft; with `fix` what would have helped is in it. */
function Again({ id, fix, changes }: { id: string; fix: boolean; changes: string | undefined }) {
  const job = useQuery(jobQuery(id));
  const texts = useQuery({ ...textsQuery(id, job.data as never), enabled: job.data !== undefined });
  const why = useQuery({ ...whyQuery(id), enabled: fix });
  const error = job.error ?? texts.error;
  if (error) return <PageFrame title={composeWords.title}><Failure error={error} /></PageFrame>;
  if (!job.data || !texts.data || (fix && why.isLoading)) return <PageFrame title={composeWords.title}><SkeletonRows /></PageFrame>;
  let draft = draftOf(job.data, texts.data);
  if (fix && why.data?.command) draft = withOptions(draft, why.data.command);
  if (changes) draft = withChanges(draft, parsed(changes));
  return <Composer first={draft} title={composeWords.fromTitle(id)} told={fix ? why.data?.reason : null} />;
}

function Composer({ first, title = composeWords.title, told }: { first?: Draft; title?: string; told?: string | null }) {
  const [draft, setDraft] = useState<Draft>(() => first ?? kept() ?? EMPTY);
  const [tried, setTried] = useState(false);
  const { submit, busy, refused } = useSubmit(draft);
  const wrong = wrongOf(withAsked(draft));
  const change = (some: Partial<Draft>) => setDraft((now) => ({ ...now, ...some }));
  useEffect(() => {
    if (!first) keep(draft);
  }, [draft, first]);
  const send = (event?: FormEvent) => {
    event?.preventDefault();
    setTried(true);
    if (Object.keys(wrong).length === 0) void submit();
    else requestAnimationFrame(() => document.querySelector<HTMLElement>("[aria-invalid]")?.focus());
  };
  return (
    <PageFrame title={title}>
      <form
        className={styles.page}
        onSubmit={send}
        noValidate
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
        }}
      >
        <div className={styles.form}>
          {told && <p className={styles.told}>{told}</p>}
          <Presets draft={draft} wrong={wrong} onChange={change} />
          <WhatItRuns draft={draft} wrong={tried ? wrong : {}} onChange={change} />
          <Details draft={draft} wrong={wrong} onChange={change} />
          {refused && (
            <p className={styles.refused} role="alert">
              {refused}
            </p>
          )}
          <div className={styles.submit}>
            <Button kind="primary" type="submit" changes busy={busy} aria-keyshortcuts="Control+Enter Meta+Enter">
              {composeWords.submit}
            </Button>
            <span className="muted small">{composeWords.submitKeys}</span>
            {!first && JSON.stringify(draft) !== JSON.stringify(EMPTY) && (
              <Button kind="quiet" onClick={() => setDraft(EMPTY)}>
                {composeWords.discard}
              </Button>
            )}
          </div>
        </div>
        <Rail draft={draft} wrong={wrong} onChange={(changes) => setDraft((now) => withChanges(now, changes))} />
      </form>
    </PageFrame>
  );
}

function useSubmit(draft: Draft) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<string | null>(null);
  // The same draft sent twice, because an answer was lost, makes one job.
  const sent = useRef({ text: "", key: "" });
  const submit = async () => {
    const body = submissionOf(withAsked(draft));
    const text = JSON.stringify(body);
    if (sent.current.text !== text) sent.current = { text, key: crypto.randomUUID() };
    setBusy(true);
    setRefused(null);
    try {
      // It may have begun, and ended, before the answer is here.
      const job = await jobNow(api.post<SubmittedJob>("/v1/jobs", body, { idempotencyKey: sent.current.key }));
      setPreference(LAST, JSON.stringify(amountsOf(withAsked(draft))));
      keep(null);
      client.setQueryData(keys.job(String(job.id)), job);
      void askForNotifications();
      await navigate({ to: "/jobs/$job", params: { job: String(job.id) } });
    } catch (error) {
      if (error instanceof Problem && error.status < 500 && error.status !== 0) sent.current = { text: "", key: "" };
      setRefused(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };
  return { submit, busy, refused };
}

/** Outlives a reload and a login that expired, in this tab. */
function keep(draft: Draft | null): void {
  try {
    if (draft === null) sessionStorage.removeItem(KEPT);
    else sessionStorage.setItem(KEPT, JSON.stringify(draft));
  } catch {
    // Switched off in this browser: then it lives as long as the page.
  }
}

function kept(): Draft | null {
  try {
    const text = sessionStorage.getItem(KEPT);
    return text ? { ...EMPTY, ...(JSON.parse(text) as Draft) } : null;
  } catch {
    return null;
  }
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
