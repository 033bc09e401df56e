/** All sessions as cards: those that live first, then those that ended, newest first. */

import { useState } from "react";
import { useMe } from "@/api/queries";
import type { Session } from "@/api/types";
import { Button, CopyLine, Dialog, Empty, Failure, LinkButton, Page as PageFrame, Section, Skeleton } from "@/components";
import { words } from "@/words/sessions";
import { useSearch } from "@/state/useSearch";
import { BatchDialog } from "./BatchDialog";
import { SessionCard } from "./SessionCard";
import { hasNotebooks, isLive } from "./acts";
import { useSessions } from "./queries";
import styles from "./SessionsPage.module.css";

const ENDED_SHOWN = 6;
/** A browser has six connections to a server; few of them may stay open for pictures. */
const LIVE_PICTURES = 2;

export function Page() {
  const { data, error, refetch } = useSessions();
  return (
    <PageFrame
      title={words.title}
      actions={
        <LinkButton kind="primary" icon="plus" to="/new/session">
          {words.new}
        </LinkButton>
      }
    >
      {error && <Failure error={error} retry={() => void refetch()} />}
      {!data && !error && (
        <div className={styles.cards}>
          {[0, 1, 2].map((one) => (
            <Skeleton key={one} width="100%" height={208} />
          ))}
        </div>
      )}
      {data && <Cards sessions={data} />}
    </PageFrame>
  );
}

/** `?notebook=`: a notebook of the file browser as a batch job, as in the Jupyter session that is nearest. */
function Notebook({ path, sessions, over }: { path: string; sessions: Session[]; over: () => void }) {
  const me = useMe();
  const usable = sessions.filter((one) => hasNotebooks(one) && one.owner === me.user && one.state !== "queued");
  const session = usable.find((one) => one.state === "running") ?? usable[0];
  if (session) return <BatchDialog session={session} path={path} onClose={over} />;
  return (
    <Dialog
      open
      title={words.notebookTitle(path.slice(path.lastIndexOf("/") + 1))}
      onClose={over}
      actions={
        <LinkButton kind="primary" to="/new/session/$app" params={{ app: "jupyter" } as never}>
          {words.notebookStart}
        </LinkButton>
      }
    >
      <p>{words.notebookHow}</p>
    </Dialog>
  );
}

function Cards({ sessions }: { sessions: Session[] }) {
  const me = useMe();
  const [all, setAll] = useState(false);
  const [search, change] = useSearch();
  const live = sessions.filter(isLive);
  const ended = sessions.filter((one) => !isLive(one));
  const followed = new Set(live.filter((one) => one.state === "running").slice(0, LIVE_PICTURES).map((one) => one.id));
  const card = (one: Session) => (
    <SessionCard key={one.id} session={one} mine={one.owner === me.user} live={followed.has(one.id)} />
  );
  if (sessions.length === 0 && !search.notebook)
    return (
      <Empty
        title={words.none}
        actions={
          <LinkButton kind="primary" to="/new/session">
            {words.new}
          </LinkButton>
        }
      >
        <p>{words.noneHow}</p>
        <CopyLine prompt="$" text={words.noneCli} />
      </Empty>
    );
  return (
    <>
      {search.notebook && <Notebook key={search.notebook} path={search.notebook} sessions={[...live, ...ended]} over={() => change({ notebook: undefined })} />}
      {live.length > 0 && <div className={styles.cards}>{live.map(card)}</div>}
      {ended.length > 0 && (
        <Section title={words.ended}>
          <div className={styles.cards}>{(all ? ended : ended.slice(0, ENDED_SHOWN)).map(card)}</div>
          {!all && ended.length > ENDED_SHOWN && (
            <p className={styles.more}>
              <Button onClick={() => setAll(true)}>{words.endedAll(ended.length)}</Button>
            </p>
          )}
        </Section>
      )}
    </>
  );
}
