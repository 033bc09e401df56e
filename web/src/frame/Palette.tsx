/** Ctrl K: a job by its number or name, a page, an action; typed, chosen by arrows, Enter. */

import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, useEffect, useId, useState } from "react";
import { jobsQuery, useMe } from "@/api/queries";
import type { Job } from "@/api/types";
import { Dialog, Icon, type IconName, Status, isElsewhere } from "@/components";
import { ref } from "@/state/jobstate";
import { words } from "@/words";
import styles from "./Palette.module.css";

let open: (() => void) | null = null;

export function openPalette(): void {
  open?.();
}

export function Palette() {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    open = () => setShown(true);
    const onKey = (event: KeyboardEventInit & Event) => {
      const { key, ctrlKey, metaKey } = event as unknown as globalThis.KeyboardEvent;
      const asked = (key.toLowerCase() === "k" && (ctrlKey || metaKey)) || (key === "/" && !ctrlKey && !metaKey);
      if (!asked || document.querySelector("dialog[open]")) return;
      if (key === "/" && isElsewhere(event as unknown as globalThis.KeyboardEvent)) return;
      event.preventDefault();
      setShown(true);
    };
    addEventListener("keydown", onKey);
    return () => {
      open = null;
      removeEventListener("keydown", onKey);
    };
  }, []);
  return shown ? <Search close={() => setShown(false)} /> : null;
}

interface Found {
  key: string;
  to: string;
  icon: IconName;
  name: string;
  job?: Job;
}

const PAGES: readonly Omit<Found, "key">[] = [
  { to: "/", icon: "home", name: words.nav.home },
  { to: "/jobs", icon: "jobs", name: words.nav.jobs },
  { to: "/sessions", icon: "sessions", name: words.nav.sessions },
  { to: "/files", icon: "files", name: words.nav.files },
  { to: "/cluster", icon: "cluster", name: words.nav.cluster },
  { to: "/new/batch", icon: "plus", name: `${words.frame.new}: ${words.frame.newBatch}` },
  { to: "/new/session", icon: "plus", name: `${words.frame.new}: ${words.frame.newSession}` },
  { to: "/settings", icon: "gear", name: words.frame.settings },
  { to: "/settings/tokens", icon: "key", name: words.frame.tokens },
  { to: "/about", icon: "info", name: words.frame.about },
];

function Search({ close }: { close: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useId();
  const navigate = useNavigate();
  const me = useMe();
  const { data } = useQuery(jobsQuery({ user: me.user, limit: 500 }));
  const found = search(text, data?.jobs ?? []);
  const chosen = Math.min(at, found.length - 1);
  const go = (one: Found | undefined) => {
    if (!one) return;
    close();
    void navigate({ to: one.to });
  };
  const onKey = (event: KeyboardEvent) => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move !== undefined) {
      event.preventDefault();
      setAt((chosen + move + found.length) % Math.max(1, found.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      go(found[chosen]);
    }
  };
  return (
    <Dialog open title={words.palette.title} onClose={close}>
      <input
        className={styles.input}
        role="combobox"
        aria-label={words.palette.hint}
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={found[chosen] ? `${list}-${chosen}` : undefined}
        placeholder={words.palette.hint}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      {found.length === 0 && <p className={styles.none}>{words.palette.none(text)}</p>}
      <div className={styles.list} id={list} role="listbox" aria-label={words.palette.title}>
        {found.map((one, index) => (
          <div
            key={one.key}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === chosen}
            className={styles.item}
            onClick={() => go(one)}
            onMouseMove={() => setAt(index)}
          >
            <Icon name={one.icon} />
            <span className={styles.name}>{one.name}</span>
            {one.job && <Status state={one.job.state} />}
          </div>
        ))}
      </div>
    </Dialog>
  );
}

function search(text: string, jobs: readonly Job[]): Found[] {
  const wanted = text.trim().toLowerCase();
  const pages = PAGES.filter((page) => page.name.toLowerCase().includes(wanted)).map((page) => ({
    ...page,
    key: page.to,
  }));
  const ofJobs = jobs
    .filter((job) => wanted && (ref(job).startsWith(wanted) || job.name.toLowerCase().includes(wanted)))
    .slice(0, 8)
    .map((job) => jobFound(ref(job), `${ref(job)}  ${job.name}`, job));
  const number = /^\d+(_\d+)?$/.test(wanted) && !ofJobs.some((one) => one.key === `job-${wanted}`);
  return [...(number ? [jobFound(wanted, words.palette.openJob(wanted))] : []), ...ofJobs, ...pages].slice(0, 12);
}

function jobFound(id: string, name: string, job?: Job): Found {
  return { key: `job-${id}`, to: `/jobs/${id}`, icon: "jobs", name, job };
}
