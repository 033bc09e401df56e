/** What every page begins with: its title (also the window's), actions at the right, tabs below. */

import { type ReactNode, useEffect } from "react";
import { words } from "@/words";
import styles from "./Page.module.css";

interface Props {
  /** For the window's title; also shown unless `head` is given. */
  title: string;
  head?: ReactNode;
  actions?: ReactNode;
  tabs?: ReactNode;
  children: ReactNode;
  /** Text and forms: a narrow column. */
  narrow?: boolean;
}

export function Page({ title, head, actions, tabs, children, narrow }: Props) {
  useEffect(() => {
    document.title = `${title} · ${words.product}`;
  }, [title]);
  return (
    <div className={`${styles.page} ${narrow ? styles.narrow : ""}`}>
      <header className={styles.head}>
        {head ?? <h1>{title}</h1>}
        {actions && <div className={styles.actions}>{actions}</div>}
      </header>
      {tabs}
      {children}
    </div>
  );
}

/** A part of a page under its own heading. */
export function Section(props: { title: ReactNode; aside?: ReactNode; children: ReactNode; label?: string }) {
  return (
    <section className={styles.section} aria-label={props.label}>
      <header className={styles.sectionHead}>
        <h2>{props.title}</h2>
        {props.aside}
      </header>
      {props.children}
    </section>
  );
}

/** Names and values, such as the facts of a job. */
export function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className={styles.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
