/** Logging in by a one-time code, and telling the other tabs of this browser. */

import { api } from "@/api/client";

const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("launchyard-login");
const here = new Set<() => void>();

/** A link or a code as pasted, without what is around it. */
export function codeOf(text: string): string {
  const trimmed = text.trim();
  const mark = trimmed.lastIndexOf("#");
  return mark >= 0 ? trimmed.slice(mark + 1) : trimmed;
}

/** Where the link leads. Throws `Problem` with the server's sentence. */
export async function logIn(code: string): Promise<string> {
  return entered({ code });
}

/** By user name and password. */
export async function logInBy(user: string, password: string): Promise<string> {
  return entered({ provider: "password", user, password });
}

async function entered(form: Record<string, string>): Promise<string> {
  const { next } = await api.post<{ next: string }>("/login", form);
  channel?.postMessage("in");
  for (const listener of here) listener();
  return next;
}

/** Somebody logged in, in this tab or another. */
export function onLoggedIn(listener: () => void): () => void {
  here.add(listener);
  const hear = () => listener();
  channel?.addEventListener("message", hear);
  return () => {
    here.delete(listener);
    channel?.removeEventListener("message", hear);
  };
}

/** Where to go after the login: what the link says, else where one came from; of our pages, never another site. */
export function nextPage(search: string, told = "/"): string {
  const next = told !== "/" ? told : (new URLSearchParams(search).get("next") ?? "/");
  return /^\/(?![/\\])/.test(next) && !next.startsWith("/login") ? next : "/";
}
