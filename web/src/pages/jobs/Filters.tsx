/** What is shown: states as chips, text, and what else the address has. `/` goes to the text. */

import { useEffect, useRef } from "react";
import { useClusters, useMe } from "@/api/queries";
import { Icon, isElsewhere } from "@/components";
import { seesOthers } from "@/state/rights";
import { jobWords } from "@/words/jobs";
import { KINDS, type Kind, type Shown } from "./filter";
import styles from "./jobs.module.css";

const words = jobWords.list;

interface Props {
  shown: Shown;
  onChange: (change: Partial<Shown>) => void;
}

export function Filters({ shown, onChange }: Props) {
  const me = useMe();
  const clusters = useClusters();
  const toggle = (kind: Kind) => {
    const kinds = shown.kinds.includes(kind) ? shown.kinds.filter((one) => one !== kind) : [...shown.kinds, kind];
    onChange({ kinds });
  };
  return (
    <div className={styles.filters} role="search">
      <TextFilter value={shown.text} onChange={(text) => onChange({ text })} />
      {KINDS.map((kind) => (
        <button
          key={kind}
          type="button"
          className={styles.chip}
          aria-pressed={shown.kinds.includes(kind)}
          onClick={() => toggle(kind)}
        >
          {words.states[kind]}
        </button>
      ))}
      {seesOthers(me) && (
        <button
          type="button"
          className={styles.chip}
          aria-pressed={shown.user !== me.user}
          onClick={() => onChange({ user: shown.user === me.user ? "" : me.user })}
        >
          {words.everybody}
        </button>
      )}
      {clusters.map((name) => (
        <button
          key={name}
          type="button"
          className={styles.chip}
          aria-label={words.onCluster(name)}
          aria-pressed={shown.cluster === name}
          onClick={() => onChange({ cluster: shown.cluster === name ? "" : name })}
        >
          <Icon name="cluster" size={14} />
          {name}
        </button>
      ))}
      {(["partition", "group"] as const).map(
        (name) =>
          shown[name] && (
            <button
              key={name}
              type="button"
              className={styles.chip}
              aria-pressed="true"
              aria-label={words.without(`${name} ${shown[name]}`)}
              onClick={() => onChange({ [name]: "" })}
            >
              {name} {shown[name]}
              <Icon name="close" size={12} />
            </button>
          ),
      )}
    </div>
  );
}

function TextFilter({ value, onChange }: { value: string; onChange: (text: string) => void }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isElsewhere(event)) return;
      event.preventDefault();
      field.current?.focus();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return (
    <span className={styles.text}>
      <Icon name="search" />
      <input
        ref={field}
        type="search"
        aria-label={words.filterText}
        placeholder={words.filterText}
        aria-keyshortcuts="/"
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape" || event.key === "Enter") field.current?.blur();
        }}
      />
    </span>
  );
}
