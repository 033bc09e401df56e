/** The last six things that were started. A click opens the composer with all of it filled in. */

import { Link } from "@tanstack/react-router";
import type { Job, Session } from "@/api/types";
import { Ago, Icon, Section } from "@/components";
import { resources } from "@/state/format";
import { words } from "@/words";
import { againAt } from "./choosing";
import styles from "./home.module.css";

export function Again({ jobs, sessions }: { jobs: readonly Job[]; sessions: readonly Session[] }) {
  if (jobs.length === 0) return null;
  return (
    <Section title={words.home.again} label={words.home.again}>
      <ul className={styles.again}>
        {jobs.map((job) => (
          <li key={job.id}>
            <Link {...(againAt(job, sessions, false) as { to: string; search: never })} className={styles.card}>
              <Icon name={job.kind === "session" ? "sessions" : "again"} />
              <span className={styles.cardText}>
                <b>{job.name}</b>
                <span className="small muted">
                  <span className="mono small">{resources(job.resources)}</span> · <Ago at={job.submitted_at} />
                </span>
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </Section>
  );
}
