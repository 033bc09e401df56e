/**
 * Dialogs are the browser's own: it keeps the focus inside, closes on Escape and brings the focus back.
 * No library that would write styles into the page, which the content security policy refuses.
 */

import { type ReactNode, useEffect, useId, useRef } from "react";
import { words } from "@/words";
import { IconButton } from "./Button";
import styles from "./Dialog.module.css";

interface Props {
  open: boolean;
  onClose: () => void;
  title: string;
  children: ReactNode;
  /** The row of buttons; the one that does it comes last. */
  actions?: ReactNode;
  wide?: boolean;
  /** Without a cross and without Escape: for what must be answered. */
  stays?: boolean;
}

export function Dialog({ open, onClose, title, children, actions, wide, stays }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const element = dialog.current;
    if (!open || !element) return;
    const before = document.activeElement as HTMLElement | null;
    element.showModal();
    // The browser's choice would be the cross, which is first.
    firstOf(element)?.focus();
    return () => {
      if (before?.isConnected) before.focus();
    };
  }, [open]);
  if (!open) return null;
  return (
    <dialog
      ref={dialog}
      className={`${styles.dialog} ${wide ? styles.wide : ""}`}
      aria-labelledby={heading}
      onCancel={(event) => {
        // A file chooser inside tells of its own cancelling in the same way.
        if (event.target !== dialog.current) return;
        event.preventDefault();
        if (!stays) onClose();
      }}
      // Browsers close at a second Escape whatever was said of the first.
      onClose={() => (stays ? dialog.current?.showModal() : onClose())}
      onMouseDown={(event) => {
        if (event.target === dialog.current && !stays) onClose();
      }}
    >
      <div className={styles.inside}>
        <header className={styles.head}>
          <h2 id={heading}>{title}</h2>
          {!stays && <IconButton icon="close" label={words.act.close} onClick={onClose} />}
        </header>
        <div className={styles.body}>{children}</div>
        {actions && <footer className={styles.actions}>{actions}</footer>}
      </div>
    </dialog>
  );
}

/** What is focused when it opens: what is marked by `data-first`, else the first field, else a button below. */
function firstOf(dialog: HTMLElement): HTMLElement | null {
  for (const selector of ["[data-first]", "input, select, textarea", "footer button"]) {
    const found = dialog.querySelector<HTMLElement>(selector);
    if (found) return found;
  }
  return null;
}
