/** How a page comes to hear: of the shared worker, which hears for all tabs, or of a hub of its own. */

import type { QueryClient } from "@tanstack/react-query";
import { Hub } from "./hub";
import { LiveData } from "./live";
import type { StreamMessage, Tell } from "./stream";

const CONNECT_AFTER_MS = 0;
const WORKER_AGAIN_MS = 2000;
const USES = ["focus", "pointerdown", "keydown", "wheel"] as const;

/** Begins to hear, once the page is drawn; answers how to let go. */
export function connect(client: QueryClient): () => void {
  const live = new LiveData(client);
  let leave = () => {};
  // Nothing is missed: what happens from when the page knew who looks is told then.
  const timer = setTimeout(() => {
    leave = openHub(live);
  }, CONNECT_AFTER_MS);
  return () => {
    clearTimeout(timer);
    leave();
  };
}

/** After a new login: the stream was refused, and waits to be told. */
export let reopen: () => void = () => undefined;

function openHub(live: LiveData): () => void {
  const close = typeof SharedWorker === "undefined" ? ownHub(live) : sharedHub(live);
  const looked = () => {
    if (!document.hidden) live.open();
  };
  const used = () => live.used();
  live.open();
  reopen = () => live.wish({ kind: "open", after: null });
  document.addEventListener("visibilitychange", looked);
  for (const name of USES) addEventListener(name, used, { passive: true, capture: true });
  return () => {
    document.removeEventListener("visibilitychange", looked);
    for (const name of USES) removeEventListener(name, used, { capture: true });
    close();
  };
}

function ownHub(live: LiveData): () => void {
  const hub = new Hub();
  const tell: Tell = (messages) => live.hear(messages);
  live.wish = (wish) => hub.hear(tell, wish);
  return () => hub.close();
}

function sharedHub(live: LiveData): () => void {
  let again: ReturnType<typeof setTimeout> | undefined;
  let port: MessagePort | undefined;
  const start = () => {
    const worker = new SharedWorker(new URL("./stream.worker.ts", import.meta.url), {
      type: "module",
      name: "launchyard-events",
    });
    port = worker.port;
    live.wish = (wish) => worker.port.postMessage(wish);
    port.onmessage = ({ data }: MessageEvent<readonly StreamMessage[]>) => live.hear(data);
    worker.onerror = () => {
      // Its script could not be loaded: the server is gone before it was here.
      live.hear([{ kind: "cut" }]);
      again = setTimeout(() => {
        start();
        live.open();
      }, WORKER_AGAIN_MS);
    };
  };
  const leave = () => live.wish({ kind: "leave" });
  start();
  addEventListener("pagehide", leave);
  return () => {
    clearTimeout(again);
    removeEventListener("pagehide", leave);
    leave();
    port?.close();
  };
}
