/** How the last jobs ended and what was told of sessions; those not yet seen are counted. The history of jobs is the server's. */

import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { recentQuery, useMe } from "@/api/queries";
import type { Job, JobPage } from "@/api/types";
import { Ago, IconButton, Menu, MenuItem, MenuTitle, Status } from "@/components";
import { useLater } from "@/components/Skeleton";
import { WENT_WRONG, hasEnded, ref, sentence } from "@/state/jobstate";
import { setPreference, usePreference } from "@/state/preference";
import { words } from "@/words";
import { type Note, useNotes } from "./notes";
import styles from "./Bell.module.css";

const SHOWN = 12;
const NONE: readonly Job[] = [];
const FIRST_AFTER_MS = 400;

export function Bell() {
  const me = useMe();
  const [firstSeen] = useState(() => new Date().toISOString());
  const seen = usePreference("bell-seen") ?? firstSeen;
  const { data: ended = NONE } = useQuery({ ...recentQuery(me.user), select: endedOf, enabled: useLater(FIRST_AFTER_MS) });
  const told = [...ended.map(ofJob), ...useNotes(me.user).map(ofNote)];
  told.sort((a, b) => b.at.localeCompare(a.at));
  const unseen = told.filter((one) => one.at > seen).length;
  const label = unseen > 0 ? `${words.frame.bell}: ${words.frame.bellUnseen(unseen)}` : words.frame.bell;
  return (
    <Menu
      label={words.frame.bell}
      align="end"
      button={(properties) => (
        <IconButton
          icon="bell"
          label={label}
          {...properties}
          onClick={() => {
            setPreference("bell-seen", new Date().toISOString());
            properties.onClick();
          }}
        >
          {unseen > 0 && <span className={styles.count}>{unseen > 99 ? "99" : unseen}</span>}
        </IconButton>
      )}
    >
      {told.length === 0 && <p className={styles.none}>{words.frame.bellNone}</p>}
      {told.length > 0 && <MenuTitle>{words.frame.bell}</MenuTitle>}
      {told.slice(0, SHOWN).map((one) => one.item)}
    </Menu>
  );
}

interface Told {
  at: string;
  item: ReactNode;
}

function ofJob(job: Job): Told {
  const item = (
    <MenuItem key={job.id} to={`/jobs/${ref(job)}`} note={<End job={job} />}>
      <span className={styles.name}>
        <span className="mono">{ref(job)}</span> <b>{job.name}</b>
      </span>
    </MenuItem>
  );
  return { at: job.ended_at ?? "", item };
}

function ofNote({ session, text, at }: Note): Told {
  const item = (
    <MenuItem key={`${session} ${at}`} to="/sessions" note={<Ago at={at} />}>
      <span className={styles.text}>{text}</span>
    </MenuItem>
  );
  return { at, item };
}

function End({ job }: { job: Job }) {
  return (
    <span className={styles.note}>
      <Status state={job.state} /> {job.ended_at && <Ago at={job.ended_at} />}
      {sentence(job) && <span className={styles.cause}>{sentence(job)}</span>}
    </span>
  );
}

/** An array tells once that it ended; of its tasks those are told that went wrong. */
function isWhole(job: Job): boolean {
  return !job.array || job.array.index === null;
}

function wentWrong(job: Job): boolean {
  return WENT_WRONG.includes(job.state);
}

let known: Job[] = [];

/** The same list as long as the same jobs ended: nothing is drawn anew. */
function endedOf({ jobs }: JobPage): Job[] {
  const ended = jobs
    .filter((job) => hasEnded(job.state) && job.ended_at && (isWhole(job) || wentWrong(job)))
    .sort((a, b) => (b.ended_at ?? "").localeCompare(a.ended_at ?? ""))
    .slice(0, SHOWN);
  if (ended.length !== known.length || ended.some((job, at) => job !== known[at])) known = ended;
  return known;
}
