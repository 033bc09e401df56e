/** The bar over an open session. */

import { sentenceOf } from "@/api/client";
import { useMe } from "@/api/queries";
import type { Session } from "@/api/types";
import { Button, LinkButton } from "@/components";
import { span } from "@/state/format";
import { useLive } from "@/state/live";
import { useNow } from "@/state/now";
import { words as all } from "@/words";
import { words } from "@/words/sessions";
import { timeWithSeconds } from "@/state/format";
import { SessionStatus, facts } from "../sessions/SessionCard";
import { hasNotebooks } from "../sessions/acts";
import styles from "./session.module.css";

const SOON_S = 15 * 60;

interface Props {
  session?: Session;
  onExtend?: () => void;
  onBatch?: () => void;
}

export function SessionBar({ session, onExtend, onBatch }: Props) {
  const me = useMe();
  const { staleSince } = useLive();
  const mine = session?.owner === me.user;
  const running = session?.state === "running";
  return (
    <header className={styles.bar}>
      <LinkButton small kind="quiet" icon="left" to="/sessions">
        {words.open_.back}
      </LinkButton>
      {session && (
        <>
          <h1 className={styles.title} title={session.name}>
            {session.name}
          </h1>
          <SessionStatus session={session} />
          <span className={styles.facts}>{facts(session)}</span>
        </>
      )}
      <span className={styles.space} role="status">
        {staleSince !== null ? all.frame.cut(timeWithSeconds(staleSince)) : session?.notice && sentenceOf(session.notice)}
      </span>
      {session && running && <Left session={session} />}
      {session && running && mine && (
        <Button small changes onClick={onExtend} title={words.extend(span(3600))}>
          {words.extendShort}
        </Button>
      )}
      {session && mine && hasNotebooks(session) && (
        <Button small onClick={onBatch}>
          {words.runAsBatch}
        </Button>
      )}
    </header>
  );
}

/** How long it still has, or until it is stopped because nobody uses it. */
function Left({ session }: { session: Session }) {
  const now = useNow(1000);
  const until = session.idle_stop_at ?? session.ends_at;
  if (!until) return <span className="muted">{words.open_.noTime}</span>;
  const left = (new Date(until).getTime() - now) / 1000;
  const told = session.idle_stop_at ? words.idleStops(span(left)) : words.left(span(left));
  return <span className={left < SOON_S ? styles.soon : styles.left}>{told}</span>;
}
