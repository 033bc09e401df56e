/** Tabs that are places: each has an address, so that Back and links work. */

import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import styles from "./Tabs.module.css";

export interface Tab {
  to: string;
  name: ReactNode;
  /** True for the first tab, whose address begins all others. */
  exact?: boolean;
}

export function Tabs({ label, tabs }: { label: string; tabs: readonly Tab[] }) {
  return (
    <nav className={styles.tabs} aria-label={label}>
      {tabs.map((tab) => (
        <Link key={tab.to} to={tab.to} activeOptions={{ exact: tab.exact ?? false }} className={styles.tab}>
          {tab.name}
        </Link>
      ))}
    </nav>
  );
}

/** One of a few values, all in sight. */
export function Choice<T extends string>(props: {
  label: string;
  value: T;
  options: readonly { value: T; name: ReactNode }[];
  onChange: (value: T) => void;
}) {
  return (
    <div className={styles.choice} role="radiogroup" aria-label={props.label}>
      {props.options.map(({ value, name }) => (
        <label key={value} className={styles.option}>
          <input
            type="radio"
            className="unseen"
            name={props.label}
            checked={value === props.value}
            onChange={() => props.onChange(value)}
          />
          <span>{name}</span>
        </label>
      ))}
    </div>
  );
}
