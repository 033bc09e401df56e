/** New → Session: choose an app, say how much it gets, start it. */

import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, sentenceOf } from "@/api/client";
import type { App, Session } from "@/api/types";
import { Empty, Failure, Page as PageFrame, SkeletonRows } from "@/components";
import { useSearch } from "@/state/useSearch";
import { words } from "@/words/newsession";
import { AppIcon } from "../sessions/AppIcon";
import { appsQuery, sessionQuery } from "../sessions/queries";
import { SessionForm } from "./SessionForm";
import { draftOf } from "./draft";
import styles from "./newsession.module.css";

export function Page() {
  const { app: name } = useParams({ strict: false }) as { app?: string };
  const { data: apps, error, refetch } = useQuery(appsQuery);
  const [search] = useSearch();
  if (error) return <Framed><Failure error={error} retry={() => void refetch()} /></Framed>;
  if (!apps) return <Framed><SkeletonRows /></Framed>;
  if (name === undefined) return search.from ? <Debug job={search.from} apps={apps} /> : <Framed><Apps apps={apps} /></Framed>;
  const app = apps.find((one) => one.name === name);
  if (!app) return <Framed><Empty title={words.noApp(name)} /><Apps apps={apps} /></Framed>;
  return <Chosen key={app.name} app={app} />;
}

/** `?from=` without an app is a job that went wrong: any app is opened in its place. */
function Debug({ job, apps }: { job: string; apps: App[] }) {
  const navigate = useNavigate();
  const [busy, setBusy] = useState<string | null>(null);
  const [refused, setRefused] = useState<Error | null>(null);
  const open = async (app: string) => {
    setBusy(app);
    setRefused(null);
    try {
      const session = await api.post<Session>(`/v1/jobs/${job}/debug`, { app });
      await navigate({ to: "/sessions/$session", params: { session: String(session.id) } as never });
    } catch (error) {
      setRefused(error as Error);
      setBusy(null);
    }
  };
  return (
    <PageFrame title={words.debugTitle(job)}>
      <p className="muted prose">{words.debugHow}</p>
      {refused && <Failure error={refused} />}
      <ul className={styles.apps}>
        {apps
          .filter((app) => app.unavailable === null)
          .map((app) => (
            <li key={app.name}>
              <button type="button" className={`${styles.app} ${styles.choose}`} disabled={busy !== null} aria-busy={busy === app.name} onClick={() => void open(app.name)}>
                <Described app={app} />
              </button>
            </li>
          ))}
      </ul>
    </PageFrame>
  );
}

function Framed({ children }: { children: React.ReactNode }) {
  return (
    <PageFrame title={words.title}>
      <p className="muted prose">{words.how}</p>
      {children}
    </PageFrame>
  );
}

/** All apps; one that cannot be started here says why and what would help. */
function Apps({ apps }: { apps: App[] }) {
  if (apps.length === 0) return <Empty title={words.noApps}><p>{words.noAppsHow}</p></Empty>;
  return (
    <ul className={styles.apps}>
      {apps.map((app) => (
        <li key={app.name}>
          {app.unavailable === null ? (
            <Link to="/new/session/$app" params={{ app: app.name } as never} className={styles.app}>
              <Described app={app} />
            </Link>
          ) : (
            <div className={`${styles.app} ${styles.off}`} aria-disabled="true">
              <Described app={app} />
            </div>
          )}
        </li>
      ))}
    </ul>
  );
}

function Described({ app }: { app: App }) {
  return (
    <>
      <AppIcon app={app.name} title={app.title} large />
      <span className={styles.about}>
        <b>
          {app.title}
          {app.origin !== "shipped" && <span className={styles.origin}>{app.origin === "own" ? words.own : words.site}</span>}
        </b>
        <span className="muted">{app.unavailable === null ? app.summary : sentenceOf(app.unavailable)}</span>
      </span>
    </>
  );
}

/** With `?from=` as the session of that number was. */
function Chosen({ app }: { app: App }) {
  const [search] = useSearch();
  const from = useQuery({ ...sessionQuery(search.from ?? ""), enabled: search.from !== undefined });
  if (search.from && from.isPending) return <Framed><SkeletonRows /></Framed>;
  const settings = from.data?.settings ?? null;
  return <SessionForm key={search.from ?? ""} app={app} first={draftOf(app, settings)} replaces={from.data} />;
}
