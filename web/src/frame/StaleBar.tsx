/** Shown only while the server is not heard: since when, and what that means. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { onDegraded } from "@/api/client";
import { keys } from "@/api/keys";
import { meQuery, statusQuery } from "@/api/queries";
import { toast } from "@/components";
import { timeWithSeconds } from "@/state/format";
import { useLive } from "@/state/live";
import { words } from "@/words";
import styles from "./StaleBar.module.css";

const SHOWN_AFTER_MS = 1500;
const DEGRADED_AGAIN_MS = 5000;

export function StaleBar() {
  const { staleSince } = useLive();
  const [late, setLate] = useState(false);
  const offline = useOffline();
  const client = useQueryClient();
  const { data: status } = useQuery({
    ...statusQuery,
    // It tells of no end of this by events: they come after commits, and there are none.
    refetchInterval: (query) => (query.state.data?.degraded ? DEGRADED_AGAIN_MS : false),
  });
  useRestartTold();
  useEffect(() => onDegraded(() => void client.invalidateQueries({ queryKey: keys.status })), [client]);
  useEffect(() => {
    setLate(false);
    if (staleSince === null) return;
    // A restart of the server takes less; a bar that comes and goes says nothing.
    const timer = setTimeout(() => setLate(true), SHOWN_AFTER_MS);
    return () => clearTimeout(timer);
  }, [staleSince]);
  if (staleSince !== null && late)
    return (
      <div className={styles.bar} role="status">
        <span className={styles.dot} aria-hidden="true" />
        <b>{words.frame.cut(timeWithSeconds(staleSince))}</b>
        <span>{offline ? words.frame.offline : words.frame.cutHow}</span>
      </div>
    );
  if (status?.degraded)
    return (
      <div className={styles.bar} role="status">
        <span className={styles.dot} aria-hidden="true" />
        <b>{words.frame.degraded}</b>
        <span>{status.degraded}</span>
      </div>
    );
  return <div className={styles.none} />;
}

/** Events of another run than the one that was known: the server ended while this page was open, and is back. */
function useRestartTold(): void {
  const { data: run } = useQuery({ ...meQuery, select: (me) => me.last_event.split("-")[0] });
  const known = useRef(run);
  useEffect(() => {
    if (known.current && run && run !== known.current) toast(words.frame.restarted);
    known.current = run ?? known.current;
  }, [run]);
}

function useOffline(): boolean {
  const [offline, setOffline] = useState(!navigator.onLine);
  useEffect(() => {
    const look = () => setOffline(!navigator.onLine);
    addEventListener("online", look);
    addEventListener("offline", look);
    return () => {
      removeEventListener("online", look);
      removeEventListener("offline", look);
    };
  }, []);
  return offline;
}
