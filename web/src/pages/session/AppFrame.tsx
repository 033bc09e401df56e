/** An app that speaks HTTP, in a frame at an origin of its own. It is led in once; then it stays as it is. */

import { useEffect, useState } from "react";
import { api } from "@/api/client";
import type { OpenedSession, Session } from "@/api/types";
import { Failure } from "@/components";
import { words } from "@/words/sessions";
import { cross, mustCross } from "./crossing";
import styles from "./session.module.css";

/** The page that lets in, then the app. */
const LOADS = 2;

export function AppFrame({ session, frame }: { session: Session; frame: React.RefObject<HTMLIFrameElement | null> }) {
  const [url, setUrl] = useState<string | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [turn, setTurn] = useState(0);
  const [loads, setLoads] = useState(0);
  const { id } = session;
  // A new launch of the session is another app: led in anew.
  const launch = session.answered_at;
  useEffect(() => {
    let left = false;
    setError(null);
    const refuse = (refused: Error) => !left && setError(refused);
    if (mustCross()) void cross().catch(refuse);
    else api.post<OpenedSession>(`/v1/sessions/${id}/open`, {}).then((opened) => !left && setUrl(opened.url), refuse);
    return () => {
      left = true;
    };
  }, [id, launch, turn]);
  if (error)
    return (
      <div className={styles.middle}>
        <Failure error={error} retry={() => setTurn(turn + 1)} />
      </div>
    );
  return (
    <div className={styles.around}>
      {loads < LOADS && (
        <p className={styles.opening} role="status">
          {words.open_.opening(session.title)}
        </p>
      )}
      {url && (
        <iframe
          ref={frame}
          className={styles.app}
          src={url}
          title={words.open_.frame(session.name)}
          allow="clipboard-read; clipboard-write; fullscreen"
          onLoad={() => setLoads((before) => before + 1)}
        />
      )}
    </div>
  );
}
