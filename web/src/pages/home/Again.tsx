/** The last six things that were started. A click opens the composer with all of it filled in. */

import { Link } from "@tanstack/react-router";
import { memo } from "react";
import type { Job, Session } from "@/api/types";
import { Ago, Icon, Section } from "@/components";
import { resources } from "@/state/format";
import { words } from "@/words";
import { againAt } from "./choosing";
import styles from "./home.module.css";

export const Again = memo(function Again({ jobs, sessions }: { jobs: readonly Job[]; sessions: readonly Session[] }) {
  if (jobs.length === 0) return null;
  return (
    <Section title={words.home.again} label={words.home.again}>
      <ul className={styles.again}>
        {jobs.map((job) => (
          <Card key={job.id} job={job} session={sessions.find((one) => one.id === job.id)} />
        ))}
      </ul>
    </Section>
  );
});

const Card = memo(function Card({ job, session }: { job: Job; session: Session | undefined }) {
  return (
    <li>
      <Link {...(againAt(job, session, false) as { to: string; search: never })} className={styles.card}>
        <Icon name={job.kind === "session" ? "sessions" : "again"} />
        <span className={styles.cardText}>
          <b>{job.name}</b>
          <span className="small muted">
            <span className="mono small">{resources(job.resources)}</span> · <Ago at={job.submitted_at} />
          </span>
        </span>
      </Link>
    </li>
  );
});
