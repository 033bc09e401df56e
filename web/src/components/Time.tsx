/** Times in words that keep up, with the exact one on hover. */

import { ago, duration, exact, time } from "@/state/format";
import { useNow } from "@/state/now";

type At = string | number;

/** 4 min ago */
export function Ago({ at }: { at: At }) {
  const then = new Date(at).getTime();
  // The clock moves every ten seconds, and is behind what was just now.
  const now = useNow(10_000);
  return (
    <time dateTime={new Date(at).toISOString()} title={exact(at)}>
      {ago(at, then <= Date.now() ? Math.max(now, then) : now)}
    </time>
  );
}

/** 14:20 */
export function At({ at }: { at: At }) {
  const now = useNow(60_000);
  return (
    <time dateTime={new Date(at).toISOString()} title={exact(at)}>
      {time(at, now)}
    </time>
  );
}

/** How long since, or until: 1h56m. */
export function Since({ at }: { at: At }) {
  const now = useNow();
  return <span title={exact(at)}>{duration(Math.abs(now - new Date(at).getTime()) / 1000)}</span>;
}
