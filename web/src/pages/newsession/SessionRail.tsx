/** Beside the form: when the session would start, what is free, what would help. Nothing is made. */

import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { Problem, api } from "@/api/client";
import type { App, StartSession, TriedSession } from "@/api/types";
import { time } from "@/state/format";
import { useNow } from "@/state/now";
import { words } from "@/words/newsession";
import { Free, Share, useLater } from "../newbatch/Rail";
import type { Draft } from "./draft";
import { requestOf } from "./draft";
import styles from "../newbatch/newbatch.module.css";

interface Props {
  app: App;
  draft: Draft;
  ready: boolean;
  /** What the server refuses of the form: by field, or of the whole. */
  refused: (error: Problem | null) => void;
}

export function SessionRail({ app, draft, ready, refused }: Props) {
  const body = useLater(JSON.stringify(requestOf(app, draft)));
  const { data, error, isFetching } = useQuery({
    queryKey: ["dry-run-session", body],
    queryFn: ({ signal }) => api.post<TriedSession>("/v1/sessions", { ...(JSON.parse(body) as StartSession), dry_run: true }, { signal }),
    enabled: ready,
    staleTime: 5_000,
    gcTime: 60_000,
    retry: false,
    placeholderData: (before) => before,
  });
  useEffect(() => refused(error instanceof Problem ? error : null), [error, refused]);
  return (
    <aside className={styles.rail} aria-label={words.startsNow} aria-live="polite" aria-busy={isFetching}>
      <section>
        {!ready || error ? (
          <>
            <p className={styles.cannot}>{words.cannot}</p>
            {error && <p>{error.message}</p>}
          </>
        ) : data ? (
          <Start tried={data} />
        ) : (
          <p className="muted">{words.checking}</p>
        )}
        {app.environment && <p className="muted small">{words.setUp}</p>}
      </section>
      <Free />
      <Share />
    </aside>
  );
}

function Start({ tried: { estimate, reason } }: { tried: TriedSession }) {
  const now = useNow(10_000);
  if (reason === null) return <p className={styles.start}>{words.startsNow}</p>;
  return (
    <>
      {estimate && <p className={styles.start}>{words.startsAbout(time(estimate.start, now))}</p>}
      {estimate && <p className="muted">{words.between(time(estimate.low, now), time(estimate.high, now))}</p>}
      <p>{reason}</p>
    </>
  );
}
