/** How a page comes to hear: of the shared worker, which hears for all tabs, or of a hub of its own. */

import type { QueryClient } from "@tanstack/react-query";
import { Hub } from "./hub";
import { LiveData } from "./live";
import { onChanged } from "./older";
import type { StreamMessage, Tell } from "./stream";

const CONNECT_AFTER_MS = 0;
const WORKER_AGAIN_MS = 2000;
/** A worker greets whoever connects; one whose script cannot be loaded may say nothing at all, not even that. */
const WORKER_GREETS_MS = 10_000;
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
  const deaf = onChanged((things) => live.changed(things));
  document.addEventListener("visibilitychange", looked);
  for (const name of USES) addEventListener(name, used, { passive: true, capture: true });
  return () => {
    deaf();
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
  let timer: ReturnType<typeof setTimeout> | undefined;
  let port: MessagePort | undefined;
  const leave = () => live.wish({ kind: "leave" });
  const start = () => {
    const worker = new SharedWorker(new URL("./stream.worker.ts", import.meta.url), {
      type: "module",
      name: "launchyard-events",
    });
    const mine = worker.port;
    port = mine;
    live.wish = (wish) => mine.postMessage(wish);
    mine.onmessage = ({ data }: MessageEvent<readonly StreamMessage[]>) => {
      clearTimeout(timer);
      live.hear(data);
    };
    // Its script could not be loaded: the server is gone before it was here.
    const lost = () => {
      clearTimeout(timer);
      worker.onerror = mine.onmessage = null;
      leave();
      live.hear([{ kind: "cut" }]);
      timer = setTimeout(() => {
        start();
        live.open();
      }, WORKER_AGAIN_MS);
    };
    worker.onerror = lost;
    timer = setTimeout(lost, WORKER_GREETS_MS);
  };
  start();
  addEventListener("pagehide", leave);
  return () => {
    clearTimeout(timer);
    removeEventListener("pagehide", leave);
    leave();
    port?.close();
  };
}
