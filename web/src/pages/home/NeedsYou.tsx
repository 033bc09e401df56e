/** What failed or ends soon, with the next step beside it; dismissed rows come back by Undo. */

import { Link } from "@tanstack/react-router";
import { memo } from "react";
import type { Job, Session } from "@/api/types";
import { Ago, IconButton, LinkButton, Section, Status, toast } from "@/components";
import { span } from "@/state/format";
import { leftSeconds, ref, sentence } from "@/state/jobstate";
import { preference, setPreference, usePreference } from "@/state/preference";
import { words } from "@/words";
import { type Needing, againAt } from "./choosing";
import styles from "./home.module.css";

interface Props {
  jobs: readonly Needing[];
  sessions: readonly Session[];
  now: number;
}

const SHOWN = 5;
const REMEMBERED = 200;

export function NeedsYou({ jobs, sessions, now }: Props) {
  const dismissed = new Set((usePreference("dismissed") ?? "").split(","));
  const left = jobs.filter(({ job }) => !dismissed.has(ref(job)));
  return (
    <Section
      title={words.home.needsYou}
      label={words.home.needsYou}
      aside={left.length > SHOWN && <Link to="/jobs" search={{ state: "failed" } as never}>{words.home.all(left.length)}</Link>}
    >
      {left.length === 0 && <p className={styles.none}>{words.home.needsNone}</p>}
      <ul>
        {left.slice(0, SHOWN).map((one) => (
          <NeedingRow key={one.job.id} job={one.job} why={one.why} sentence={sentenceOf(one, now)} session={sessions.find(({ id }) => id === one.job.id)} />
        ))}
      </ul>
    </Section>
  );
}

interface RowProps {
  job: Job;
  why: Needing["why"];
  sentence: string;
  session: Session | undefined;
}

const NeedingRow = memo(function NeedingRow({ job, why, sentence, session }: RowProps) {
  return (
    <li className={styles.needing}>
      <Link to={why === "idle" ? "/sessions" : `/jobs/${ref(job)}`} className={styles.name}>
        <span className="mono">{ref(job)}</span> <b>{job.name}</b>
      </Link>
      <Status state={job.state} />
      <span className={styles.why}>{sentence}</span>
      <span className={styles.when}>{job.ended_at && <Ago at={job.ended_at} />}</span>
      <span className={styles.acts}>
        {why === "failed" && (
          <LinkButton small {...(againAt(job, session, true) as { to: string; search: never })}>
            {job.kind === "session" ? words.home.relaunch : words.home.fix}
          </LinkButton>
        )}
        <IconButton icon="close" label={`${words.home.dismiss} ${ref(job)}`} onClick={() => dismiss(ref(job))} />
      </span>
    </li>
  );
});

function sentenceOf({ job, why, stopAt }: Needing, now: number): string {
  if (why === "failed") return sentence(job);
  if (why === "ending") return words.home.endsIn(span(leftSeconds(job, now) ?? 0));
  return stopAt ? words.home.idle(span((new Date(stopAt).getTime() - now) / 1000)) : "";
}

function dismiss(id: string): void {
  const before = preference("dismissed") ?? "";
  setPreference("dismissed", [id, ...before.split(",")].slice(0, REMEMBERED).join(","));
  toast(words.home.dismissed(id), { undo: () => setPreference("dismissed", before || null) });
}
