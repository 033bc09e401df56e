/** An open session: a bar of 36 px (time left, Extend, Run as batch, Back), and the app in the rest of the window. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { Problem } from "@/api/client";
import type { Session } from "@/api/types";
import { Empty, Failure, LinkButton, SkeletonRows } from "@/components";
import { words as all } from "@/words";
import { words } from "@/words/sessions";
import { BatchDialog } from "../sessions/BatchDialog";
import { Ending } from "../sessions/Ending";
import { Ticks } from "../sessions/Ticks";
import { SessionActs } from "../sessions/acts";
import { sessionQuery } from "../sessions/queries";
import { AppFrame } from "./AppFrame";
import { SessionBar } from "./SessionBar";
import { ShellApp } from "./ShellApp";
import { DesktopApp } from "./DesktopApp";
import { saveAll } from "./frame";
import styles from "./session.module.css";

export function Page() {
  const { session: id } = useParams({ strict: false }) as { session: string };
  const { data, error, refetch } = useQuery(sessionQuery(id));
  const acts = new SessionActs(useQueryClient());
  const [batch, setBatch] = useState(false);
  const frame = useRef<HTMLIFrameElement>(null);
  useEffect(() => {
    document.title = `${data?.name ?? words.title} · ${all.product}`;
  }, [data?.name]);
  if (error) return <Refused id={id} error={error} retry={() => void refetch()} />;
  if (!data)
    return (
      <main className={styles.page}>
        <SessionBar />
        <SkeletonRows rows={3} />
      </main>
    );
  const framed = data.speaks === "http" && data.state === "running";
  return (
    <main className={styles.page}>
      <SessionBar session={data} onExtend={() => void acts.extend(data)} onBatch={() => setBatch(true)} />
      <App session={data} frame={frame} />
      {batch && (
        <BatchDialog
          session={data}
          onClose={() => setBatch(false)}
          save={framed ? () => saveAll(frame.current) : undefined}
        />
      )}
    </main>
  );
}

/** While it runs the app; before, how far it is; after, how it ended. What was opened stays until it ends. */
function App({ session, frame }: { session: Session; frame: React.RefObject<HTMLIFrameElement | null> }) {
  if (session.state === "running" || session.state === "stopping") {
    if (session.speaks === "terminal") return <ShellApp session={session} />;
    if (session.speaks === "rfb") return <DesktopApp session={session} />;
    return <AppFrame session={session} frame={frame} />;
  }
  const over = session.state === "ended" || session.state === "failed";
  return (
    <div className={styles.middle}>
      <Empty
        title={over ? words.open_.gone : words.open_.notYet}
        actions={
          over && (
            <LinkButton
              kind="primary"
              to="/new/session/$app"
              params={{ app: session.app } as never}
              search={{ from: String(session.id) } as never}
            >
              {words.edit}
            </LinkButton>
          )
        }
      >
        {over ? (
          <>
            <Ending session={session} />
            <p>{session.job.state === "NODE_FAIL" ? words.open_.nodeGone : words.open_.goneHow}</p>
          </>
        ) : (
          <Ticks session={session} />
        )}
      </Empty>
    </div>
  );
}

function Refused({ id, error, retry }: { id: string; error: Error; retry: () => void }) {
  const missing = error instanceof Problem && error.status === 404;
  return (
    <main className={styles.page}>
      <SessionBar />
      <div className={styles.middle}>
        {missing ? <Empty title={words.open_.missing(id)} /> : <Failure error={error} retry={retry} />}
      </div>
    </main>
  );
}
