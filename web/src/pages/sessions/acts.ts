/** What is done to sessions: at once, with what became of it said in a toast. */

import type { QueryClient } from "@tanstack/react-query";
import { readAgain } from "@/api/again";
import { api } from "@/api/client";
import { keys } from "@/api/keys";
import { whileChanging } from "@/api/older";
import type { Session } from "@/api/types";
import { confirm, toast, toastFailure } from "@/components";
import { time } from "@/state/format";
import { words } from "@/words/sessions";

export const HOUR_S = 3600;

/** Whether its app is still there, or on its way. */
export function isLive(session: Session): boolean {
  return session.state !== "ended" && session.state !== "failed";
}

export function hasNotebooks(session: Session): boolean {
  return session.app.startsWith("jupyter");
}

export class SessionActs {
  constructor(private readonly client: QueryClient) {}

  async extend(session: Session, seconds = HOUR_S): Promise<void> {
    await this.tried(session, async () => {
      const longer = await api.post<Session>(`/v1/sessions/${session.id}/extend`, { by_s: seconds });
      this.put(longer);
      if (longer.ends_at) toast(words.extended(longer.name, time(longer.ends_at, Date.now())));
    });
  }

  /** A waiting one is taken out at once; what runs is asked for, since what is not saved in it is lost. */
  async cancel(session: Session): Promise<void> {
    if (session.state !== "queued") {
      const question = { title: words.cancelAsk(session.name), body: words.cancelHow, action: words.cancel };
      if (!(await confirm(question))) return;
    }
    await this.tried(session, async () => {
      this.put({ ...session, state: session.state === "queued" ? "ended" : "stopping" });
      await api.post(`/v1/jobs/${session.id}/cancel`, {});
      toast(session.state === "queued" ? words.taken(session.name) : words.cancelled(session.name));
    });
  }

  async remove(session: Session): Promise<void> {
    await this.tried(session, async () => {
      this.client.setQueryData<Session[]>(keys.sessions, (all) => all?.filter((one) => one.id !== session.id));
      await api.delete(`/v1/sessions/${session.id}`);
      toast(words.deleted(session.name));
    });
  }

  /** Another one like it; answers the new one. */
  async relaunch(session: Session): Promise<Session | null> {
    return this.tried(session, () => api.post<Session>(`/v1/sessions/${session.id}/relaunch`, {}));
  }

  async share(session: Session, users: string[]): Promise<void> {
    await this.tried(session, async () => {
      this.put(await api.post<Session>(`/v1/sessions/${session.id}/share`, { users }));
      toast(words.shared(session.name, users.length));
    });
  }

  /** Empty: they are not kept any more. */
  async save(session: Session, name: string): Promise<void> {
    await this.tried(session, async () => {
      this.put(await api.post<Session>(`/v1/sessions/${session.id}/save`, { name }));
      toast(name ? words.saved(name) : words.forgotten(session.saved_as));
      void this.client.invalidateQueries({ queryKey: ["apps"] });
    });
  }

  private put(session: Session): void {
    this.client.setQueryData<Session>(keys.session(session.id), (one) => (one ? session : undefined));
    this.client.setQueryData<Session[]>(keys.sessions, (all) =>
      all?.map((one) => (one.id === session.id ? session : one)),
    );
  }

  private async tried<T>(session: Session, act: () => Promise<T>): Promise<T | null> {
    // What is on its way is from before this.
    void this.client.cancelQueries({ queryKey: keys.sessions });
    void this.client.cancelQueries({ queryKey: keys.session(session.id) });
    try {
      return await whileChanging(["sessions"], act);
    } catch (error) {
      toastFailure(error);
      return null;
    } finally {
      readAgain(this.client, keys.sessions);
      readAgain(this.client, keys.session(session.id));
    }
  }
}
