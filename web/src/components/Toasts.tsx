/** What was done, with Undo for 8 seconds. Said to screen readers; gone by itself unless it is a failure. */

import { useEffect, useSyncExternalStore } from "react";
import { words } from "@/words";
import { Button, IconButton } from "./Button";
import styles from "./Toasts.module.css";

export interface Toast {
  id: number;
  text: string;
  failed?: boolean;
  undo?: () => void;
}

const SHOWN_MS = 8000;
let toasts: readonly Toast[] = [];
let next = 1;
const listeners = new Set<() => void>();

function change(to: readonly Toast[]): void {
  toasts = to;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** `undo` takes it back; it is offered as long as the toast is shown. */
export function toast(text: string, options: { undo?: () => void; failed?: boolean } = {}): void {
  change([...toasts.slice(-2), { id: next++, text, ...options }]);
}

/** What could not be done, with its reason. */
export function toastFailure(error: unknown): void {
  const sentence = error instanceof Error ? error.message : String(error);
  toast(words.act.notDone(sentence), { failed: true });
}

function dismiss(id: number): void {
  change(toasts.filter((one) => one.id !== id));
}

export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <div className={styles.place} role="status" aria-live="polite">
      {shown.map((one) => (
        <OneToast key={one.id} toast={one} />
      ))}
    </div>
  );
}

function OneToast({ toast: { id, text, failed, undo } }: { toast: Toast }) {
  useEffect(() => {
    const timer = setTimeout(() => dismiss(id), failed ? SHOWN_MS * 2 : SHOWN_MS);
    return () => clearTimeout(timer);
  }, [id, failed]);
  return (
    <div className={`${styles.toast} ${failed ? styles.failed : ""}`}>
      <span className={styles.text}>{text}</span>
      {undo && (
        <Button
          small
          onClick={() => {
            dismiss(id);
            undo();
          }}
        >
          {words.act.undo}
        </Button>
      )}
      <IconButton icon="close" label={words.act.close} onClick={() => dismiss(id)} />
    </div>
  );
}
