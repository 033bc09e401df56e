/**
 * From 127.0.0.1 to a name where the portal and its sessions are one site: browsers let no page of another site
 * store anything while it is in a frame, and most apps need to. The way there is a one-time login.
 */

import { api } from "@/api/client";
import type { LoginLink } from "@/api/types";

const NAME = "launchyard.localhost";
const ELSEWHERE = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** Whether this page is at a name from which sessions cannot be framed, in a browser that knows the other one. */
export function mustCross(): boolean {
  return ELSEWHERE.has(location.hostname) && /Chrom|Firefox\//.test(navigator.userAgent);
}

/** Leads this page there, logged in as here. */
export async function cross(): Promise<void> {
  const { url } = await api.post<LoginLink>("/v1/login-links", { next: location.pathname + location.search });
  const there = new URL(url);
  there.hostname = NAME;
  location.replace(there);
}
