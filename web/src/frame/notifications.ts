/** Told by the browser when nobody looks at the page: an end of a job of one's own. Asked for at the first submission. */

import { useEffect } from "react";
import { api, sentenceOf } from "@/api/client";
import { onEvent } from "@/api/live";
import type { JobMoved } from "@/api/stream";
import { useMe } from "@/api/queries";
import type { Job, JobState, Session, SessionEvent } from "@/api/types";
import { toast } from "@/components/Toasts";
import { time } from "@/state/format";
import { LOOKS, hasEnded, ref, sentence } from "@/state/jobstate";
import { preference, setPreference } from "@/state/preference";
import { words } from "@/words";
import { keepNote } from "./notes";

const MANY = 3;
const SOON_MS = 11 * 60_000;
const WARNINGS: readonly string[] = ["idle", "ending", "node"];

/** Called by the composer once a submission is made; asks the browser once in its life. */
export function askForNotifications(): void {
  if (!("Notification" in window) || Notification.permission !== "default" || preference("asked-notify")) return;
  setPreference("asked-notify", "yes");
  void Notification.requestPermission();
}

export function useNotifications(): void {
  const { user } = useMe();
  useEffect(() => {
    let recent: number[] = [];
    return onEvent((name, data) => {
      if (name === "session") tellOfSession(data as SessionEvent, user);
      if (name !== "job") return;
      const event = data as JobMoved;
      if (event.user !== user || !hasEnded(event.state as JobState) || !mayTell()) return;
      // A whole array ends: a few are told, the bell has the rest.
      recent = recent.filter((at) => at > Date.now() - 60_000);
      if (recent.length >= MANY) return;
      recent.push(Date.now());
      void tell(event.job_id);
    });
  }, [user]);
}

function mayTell(): boolean {
  const allowed = "Notification" in window && Notification.permission === "granted";
  return document.hidden && allowed && preference("notify") !== "off";
}

/** A session that is stopped soon, as nobody uses it or its time is up, or whose node is closed for new work. */
function tellOfSession(event: SessionEvent, user: string): void {
  if (!WARNINGS.includes(event.what) || event.state !== "running") return;
  void api.get<Session>(`/v1/sessions/${event.id}`).then(
    (session) => {
      const sentence = event.what === "node" ? noticeOf(session) : endOf(session);
      if (sentence === null) return;
      keepNote(user, event.id, sentence);
      // Who looks at the page is told on it.
      if (!document.hidden) toast(sentence);
      else if (mayTell()) show(event.id, sentence, "", "/sessions");
    },
    () => undefined,
  );
}

function noticeOf(session: Session): string | null {
  return session.notice && sentenceOf(session.notice);
}

function endOf(session: Session): string | null {
  const stops = session.idle_stop_at ?? session.ends_at;
  const soon = stops !== null && new Date(stops).getTime() - Date.now() < SOON_MS;
  return soon ? words.frame.sessionEnds(session.name, time(stops, Date.now())) : null;
}

function show(id: number, title: string, body: string, place: string): void {
  // One tab tells: the same tag replaces the same notification of another tab.
  const note = new Notification(title, { body, tag: `launchyard-${id}` });
  note.onclick = () => {
    window.focus();
    location.assign(place);
  };
}

async function tell(id: number): Promise<void> {
  const job = await api.get<Job>(`/v1/jobs/${id}`).catch(() => null);
  if (!job) return;
  show(id, words.frame.jobEnded(ref(job), LOOKS[job.state].word, job.name), sentence(job), `/jobs/${ref(job)}`);
}
