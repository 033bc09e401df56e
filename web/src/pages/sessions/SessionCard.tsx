/** One session as a card: what it is, how long it has, what it does, and the next step. It never goes by itself. */

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { sentenceOf } from "@/api/client";
import type { Session } from "@/api/types";
import { Bar, Button, IconButton, LinkButton, Menu, MenuItem, MenuLine, StatusMark } from "@/components";
import { memory, span, time, trim } from "@/state/format";
import type { Glyph, Tone } from "@/state/jobstate";
import { useNow } from "@/state/now";
import { words } from "@/words/sessions";
import { AppIcon } from "./AppIcon";
import { BatchDialog } from "./BatchDialog";
import { Ending } from "./Ending";
import { SaveDialog } from "./SaveDialog";
import { ShareDialog } from "./ShareDialog";
import { Sparkline } from "./Sparkline";
import { Ticks } from "./Ticks";
import { HOUR_S, SessionActs, hasNotebooks, isLive } from "./acts";
import styles from "./SessionCard.module.css";

const LOOKS: Record<Session["state"], { glyph: Glyph; tone: Tone }> = {
  queued: { glyph: "hollow", tone: "pending" },
  starting: { glyph: "quarter", tone: "running" },
  running: { glyph: "full", tone: "running" },
  stopping: { glyph: "quarter", tone: "pending" },
  ended: { glyph: "tick", tone: "muted" },
  failed: { glyph: "cross", tone: "failed" },
};

type Shown = "batch" | "share" | "save" | null;

export function SessionCard({ session, mine, live }: { session: Session; mine: boolean; live: boolean }) {
  const [shown, setShown] = useState<Shown>(null);
  const { state } = session;
  return (
    <article className={styles.card} aria-labelledby={`session-${session.id}`} data-session={session.id}>
      <header className={styles.head}>
        <AppIcon app={session.app} title={session.title} />
        <div className={styles.names}>
          <h3 id={`session-${session.id}`} title={session.name}>
            {session.name}
          </h3>
          <p className="muted small">{[session.title === session.name ? "" : session.title, owned(session, mine)].filter(Boolean).join(" · ")}</p>
        </div>
        <SessionStatus session={session} />
      </header>
      <p className={styles.facts}>{facts(session)}</p>
      {state === "running" && <Running session={session} live={live} />}
      {(state === "queued" || state === "starting") && <Ticks session={session} />}
      {(state === "ended" || state === "failed" || state === "stopping") && <Ending session={session} />}
      <Actions session={session} mine={mine} show={setShown} />
      {shown === "batch" && <BatchDialog session={session} onClose={() => setShown(null)} />}
      {shown === "save" && <SaveDialog session={session} onClose={() => setShown(null)} />}
      {shown === "share" && <ShareDialog session={session} onClose={() => setShown(null)} />}
    </article>
  );
}

export function SessionStatus({ session }: { session: Session }) {
  const look = LOOKS[session.state];
  return <StatusMark glyph={look.glyph} tone={look.tone} word={words.states[session.state]} />;
}

/** node1 · 2 CPUs · 4 GiB · 1 GPU */
export function facts(session: Session): string {
  const { resources, nodes } = session.job;
  const parts = [...nodes, `${trim(resources.cpus)} ${resources.cpus === 1 ? "CPU" : "CPUs"}`];
  if (resources.memory_mib > 0) parts.push(memory(resources.memory_mib));
  if (resources.gpus > 0) parts.push(`${trim(resources.gpus)} ${resources.gpus === 1 ? "GPU" : "GPUs"}`);
  return parts.join(" · ");
}

function owned(session: Session, mine: boolean): string {
  if (!mine) return words.sharedBy(session.owner);
  return session.sharers.length > 0 ? words.sharedWith(session.sharers.join(", ")) : "";
}

function Running({ session, live }: { session: Session; live: boolean }) {
  const now = useNow(10_000);
  const { ends_at, idle_stop_at, job } = session;
  const limit = job.time_limit_s;
  const left = ends_at ? (new Date(ends_at).getTime() - now) / 1000 : null;
  const told = left === null ? words.noLimit : words.left(span(left));
  return (
    <>
      {left !== null && limit ? (
        <div className={styles.time}>
          <Bar part={limit - left} whole={limit} label={`${told} ${words.ofLimit(span(limit))}`} tone={left < 900 ? "failed" : "running"} />
          <p>
            {told} <span className="muted">{words.ofLimit(span(limit))}</span>
          </p>
        </div>
      ) : (
        <p className="muted">{told}</p>
      )}
      {idle_stop_at && <p className={styles.idle}>{words.idleStops(span((new Date(idle_stop_at).getTime() - now) / 1000))}</p>}
      {session.notice && <p className={styles.idle}>{sentenceOf(session.notice)}</p>}
      <Sparkline id={session.id} cpus={job.resources.cpus} live={live} />
    </>
  );
}

function Actions({ session, mine, show }: { session: Session; mine: boolean; show: (what: Shown) => void }) {
  const acts = new SessionActs(useQueryClient());
  const navigate = useNavigate();
  const edit = () => void navigate({ to: "/new/session/$app", params: { app: session.app }, search: { from: String(session.id) } as never });
  const relaunch = () => void acts.relaunch(session);
  const { state } = session;
  const over = !isLive(session);
  return (
    <footer className={styles.actions}>
      {state === "running" && (
        <LinkButton kind="primary" to="/sessions/$session" params={{ session: String(session.id) } as never}>
          {words.open}
        </LinkButton>
      )}
      {state === "failed" && mine && (
        <Button kind="primary" changes onClick={edit}>
          {words.fix}
        </Button>
      )}
      {state === "ended" && mine && (
        <Button changes onClick={relaunch}>
          {words.relaunch}
        </Button>
      )}
      {hasNotebooks(session) && mine && (state === "running" || state === "ended") && (
        <Button onClick={() => show("batch")}>{words.runAsBatch}</Button>
      )}
      {(state === "queued" || state === "starting") && mine && (
        <Button changes onClick={() => void acts.cancel(session)}>
          {words.cancel}
        </Button>
      )}
      <span className={styles.space} />
      <Menu
        label={words.more(session.name)}
        align="end"
        above
        button={(properties) => <IconButton icon="more" label={words.more(session.name)} {...properties} />}
      >
        {state === "running" && mine && (
          <MenuItem icon="clock" changes onSelect={() => void acts.extend(session)}>
            {words.extend(span(HOUR_S))}
          </MenuItem>
        )}
        {mine && (
          <MenuItem icon="edit" onSelect={edit}>
            {words.edit}
          </MenuItem>
        )}
        {mine && (
          <MenuItem icon="copy" onSelect={() => show("save")}>
            {words.save}
          </MenuItem>
        )}
        <MenuItem icon="jobs" to={`/jobs/${session.id}`}>
          {words.log}
        </MenuItem>
        {state === "running" && mine && (
          <MenuItem icon="user" onSelect={() => show("share")}>
            {words.share}
          </MenuItem>
        )}
        {mine && <MenuLine />}
        {mine && !over && (
          <MenuItem icon="stop" danger changes onSelect={() => void acts.cancel(session)}>
            {words.cancel}
          </MenuItem>
        )}
        {mine && over && (
          <MenuItem icon="trash" danger changes onSelect={() => void acts.remove(session)}>
            {words.delete}
          </MenuItem>
        )}
      </Menu>
    </footer>
  );
}

/** When a waiting session may start, in a few words. */
export function startsAbout(session: Session, now: number): string | null {
  return session.estimate?.start ? words.startsAbout(time(session.estimate.start, now)) : null;
}
