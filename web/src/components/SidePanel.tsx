/** A panel at the right, 480 px wide: a look at one thing while the list stays. On a phone it is the page. */

import { type ReactNode, useEffect, useRef } from "react";
import { words } from "@/words";
import { IconButton } from "./Button";
import styles from "./SidePanel.module.css";

export function SidePanel(props: { title: ReactNode; label: string; onClose: () => void; children: ReactNode }) {
  const panel = useRef<HTMLElement>(null);
  const { onClose } = props;
  useEffect(() => {
    const close = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open]")) onClose();
    };
    addEventListener("keydown", close);
    return () => removeEventListener("keydown", close);
  }, [onClose]);
  return (
    <aside ref={panel} className={styles.panel} aria-label={props.label}>
      <header className={styles.head}>
        <div className={styles.title}>{props.title}</div>
        <IconButton icon="close" label={words.act.close} onClick={onClose} />
      </header>
      <div className={styles.body}>{props.children}</div>
    </aside>
  );
}
