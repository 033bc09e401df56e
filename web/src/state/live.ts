/** Whether this page hears the server: what is shown is live, or as of a moment. */

import { useSyncExternalStore } from "react";

export interface Live {
  connected: boolean;
  /** When the last word came before the stream was cut, as a Date's time; null while it is open. */
  staleSince: number | null;
}

let live: Live = { connected: false, staleSince: null };
const listeners = new Set<() => void>();

export function setConnected(connected: boolean): void {
  if (connected === live.connected && (connected || live.staleSince !== null)) return;
  live = { connected, staleSince: connected ? null : Date.now() };
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useLive(): Live {
  return useSyncExternalStore(subscribe, () => live);
}

/** True once the stream was cut: buttons that change something wait until it is back. */
export function useStale(): boolean {
  return useLive().staleSince !== null;
}
