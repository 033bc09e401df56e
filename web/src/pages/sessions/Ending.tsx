/** How a session ended: its cause in one sentence, and of a failed one the last lines of its log. */

import { sentenceOf } from "@/api/client";
import type { Session } from "@/api/types";
import { Ago } from "@/components";
import { span } from "@/state/format";
import { words } from "@/words/sessions";
import styles from "./SessionCard.module.css";

const LINES = 8;

export function Ending({ session }: { session: Session }) {
  const failed = session.state === "failed";
  const cause = session.cause ?? session.reason ?? (failed ? words.failedWhy : null);
  const lines = failed ? session.last_lines.slice(-LINES) : [];
  return (
    <>
      {cause && <p className={styles.cause}>{sentenceOf(cause)}</p>}
      {session.ended_at && (
        <p className="muted">
          {words.endedAt} <Ago at={session.ended_at} />
          {session.started_at && `, ${words.ranFor(span(seconds(session.started_at, session.ended_at)))}`}
        </p>
      )}
      {lines.length > 0 && (
        <pre className={styles.lines} aria-label={words.lastLines} tabIndex={0}>
          {lines.join("\n")}
        </pre>
      )}
    </>
  );
}

function seconds(from: string, to: string): number {
  return (new Date(to).getTime() - new Date(from).getTime()) / 1000;
}
