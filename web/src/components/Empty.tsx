/** Where there is nothing: what that means, and what to do. And where something could not be read. */

import type { ReactNode } from "react";
import { words } from "@/words";
import { Button } from "./Button";
import styles from "./Empty.module.css";

export function Empty({ title, children, actions }: { title: string; children?: ReactNode; actions?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <h2>{title}</h2>
      {children && <div className={styles.text}>{children}</div>}
      {actions && <div className={styles.actions}>{actions}</div>}
    </div>
  );
}

/** A refusal of the server in its place on the page. */
export function Failure({ error, retry }: { error: Error; retry?: () => void }) {
  return (
    <div className={styles.failure} role="alert">
      <p>{error.message}</p>
      {retry && (
        <Button small onClick={retry}>
          {words.act.retry}
        </Button>
      )}
    </div>
  );
}
