/** A session on its way: queued, environment, starting, answering, each with its seconds, and the last words. */

import { sentenceOf } from "@/api/client";
import type { Session, SessionStep } from "@/api/types";
import { StatusGlyph } from "@/components";
import { duration } from "@/state/format";
import type { Glyph } from "@/state/jobstate";
import { useNow } from "@/state/now";
import { words } from "@/words/sessions";
import { startsAbout } from "./SessionCard";
import styles from "./SessionCard.module.css";

const GLYPHS: Record<SessionStep["state"], Glyph> = {
  waiting: "hollow",
  active: "quarter",
  done: "tick",
  skipped: "tick",
  failed: "cross",
};

export function Ticks({ session }: { session: Session }) {
  const now = useNow();
  const said = session.reason ?? session.last_lines.at(-1);
  const about = session.state === "queued" ? startsAbout(session, now) : null;
  return (
    <>
      <ol className={styles.ticks}>
        {session.steps.map((step) => (
          <Tick key={step.name} step={step} />
        ))}
      </ol>
      {(said || about) && (
        <p className={session.reason ? "muted" : styles.line} title={said ?? undefined}>
          {[said && (session.reason ? sentenceOf(said) : said), about].filter(Boolean).join(" ")}
        </p>
      )}
    </>
  );
}

/** The seconds of the step that is under way go on from what the server said when it was asked. */
function Tick({ step }: { step: SessionStep }) {
  const look = { waiting: styles.waiting, active: styles.active, failed: styles.bad, done: "", skipped: styles.waiting };
  return (
    <li className={`${styles.tick} ${look[step.state]}`}>
      <StatusGlyph glyph={GLYPHS[step.state]} />
      <span className={styles.word}>{words.steps[step.name]}</span>
      <span className={styles.seconds}>
        {step.state === "skipped" ? words.skipped : step.seconds === null ? "" : <Running step={step} />}
      </span>
    </li>
  );
}

function Running({ step }: { step: SessionStep }) {
  const now = useNow();
  if (step.state !== "active") return duration(step.seconds ?? 0);
  return duration(now / 1000 - beganAt(step));
}

const began = new WeakMap<SessionStep, number>();

/** When a step began, by this browser's clock. */
function beganAt(step: SessionStep): number {
  const known = began.get(step);
  if (known !== undefined) return known;
  const at = Date.now() / 1000 - (step.seconds ?? 0);
  began.set(step, at);
  return at;
}
