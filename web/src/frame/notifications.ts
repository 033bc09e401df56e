/** Told by the browser when nobody looks at the page: an end of a job of one's own. Asked for at the first submission. */

import { useEffect } from "react";
import { api } from "@/api/client";
import { onJobMoved } from "@/api/live";
import { useMe } from "@/api/queries";
import type { Job, JobState } from "@/api/types";
import { LOOKS, hasEnded, ref, sentence } from "@/state/jobstate";
import { preference, setPreference } from "@/state/preference";

const MANY = 3;

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
    return onJobMoved((event) => {
      if (!document.hidden || event.user !== user || !hasEnded(event.state as JobState)) return;
      if (!("Notification" in window) || Notification.permission !== "granted") return;
      if (preference("notify") === "off") return;
      // A whole array ends: a few are told, the bell has the rest.
      recent = recent.filter((at) => at > Date.now() - 60_000);
      if (recent.length >= MANY) return;
      recent.push(Date.now());
      void tell(event.job_id);
    });
  }, [user]);
}

async function tell(id: number): Promise<void> {
  const job = await api.get<Job>(`/v1/jobs/${id}`).catch(() => null);
  if (!job) return;
  const title = `Job ${ref(job)} ${LOOKS[job.state].word}: ${job.name}`;
  // One tab tells: the same tag replaces the same notification of another tab.
  const note = new Notification(title, { body: sentence(job), tag: `launchyard-${id}` });
  note.onclick = () => {
    window.focus();
    location.assign(`/jobs/${ref(job)}`);
  };
}
