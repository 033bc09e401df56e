/** A session that is a shell: a terminal in its job, which goes on when the connection breaks. */

import { Suspense, lazy, useEffect, useState } from "react";
import { api } from "@/api/client";
import type { OpenedTerminal, Session, TerminalList } from "@/api/types";
import { Failure, SkeletonRows } from "@/components";
import styles from "./session.module.css";

const TerminalView = lazy(async () => ({ default: (await import("../terminal/TerminalView")).TerminalView }));

export function ShellApp({ session }: { session: Session }) {
  const [terminal, setTerminal] = useState<OpenedTerminal | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const { id } = session;
  useEffect(() => {
    let left = false;
    terminalOf(id).then(
      (opened) => !left && setTerminal(opened),
      (refused: Error) => !left && setError(refused),
    );
    return () => {
      left = true;
    };
  }, [id]);
  if (error)
    return (
      <div className={styles.middle}>
        <Failure error={error} />
      </div>
    );
  if (!terminal) return <SkeletonRows rows={3} />;
  return (
    <div className={styles.shell}>
      <Suspense fallback={<SkeletonRows rows={3} />}>
        <TerminalView id={terminal.id} label={session.name} onState={() => undefined} />
      </Suspense>
    </div>
  );
}

/** The one that is open in the session, else a new one. */
async function terminalOf(job: number): Promise<OpenedTerminal> {
  const { terminals } = await api.get<TerminalList>("/v1/terminals");
  return terminals.find((one) => one.job === job && !one.watched) ?? api.post<OpenedTerminal>("/v1/terminals", { job });
}
