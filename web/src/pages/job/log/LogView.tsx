/** The log: lines with numbers and colours, following that stops on scrolling up, errors beside it, search. */

import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Job } from "@/api/types";
import { Button, Failure, SkeletonRows } from "@/components";
import { ACTIVE, hasEnded } from "@/state/jobstate";
import { jobWords } from "@/words/jobs";
import { ErrorMap } from "./ErrorMap";
import { LogBar } from "./LogBar";
import { LogLine } from "./LogLine";
import { type Stream, useLog } from "./uselog";
import { startOf, shownLines, tellsOfError } from "./window";
import styles from "./log.module.css";

const { log: said } = jobWords;
const LINE = 20;
/** Its borders, and room for a scroll bar below. */
const FRAME = 20;
/** So near to the end that new lines are followed. */
const NEAR = 40;

export function LogView({ job, id }: { job: Job; id: string }) {
  const [stream, setStream] = useState<Stream>("stdout");
  const [wrap, setWrap] = useState(false);
  const live = !hasEnded(job.state);
  const log = useLog(id, stream, live && (ACTIVE.includes(job.state) || stream === "setup"), !live);
  const { state } = log;
  const lines = useMemo(() => shownLines(state.window), [state.window]);
  const [chosen, setChosen] = useState<number | null>(null);
  const place = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => place.current,
    estimateSize: () => LINE,
    overscan: 20,
  });
  const { following, setFollowing, unseen, onScroll } = useFollowing(place, lines.length, state.atEnd, log.before, log.after);
  const goTo = useCallback(
    async (offset: number, line: number) => {
      setFollowing(false);
      const at = await log.goTo(offset, line);
      if (at === null) return;
      setChosen(line);
      requestAnimationFrame(() => rows.scrollToIndex(at, { align: "center" }));
    },
    [log, rows, setFollowing],
  );
  const toEnd = () => {
    setFollowing(true);
    if (!state.atEnd) log.toEnd();
  };
  const first = state.window.first;
  return (
    <section className={styles.log} aria-label={said.label}>
      <LogBar
        id={id}
        stream={stream}
        onStream={setStream}
        wrap={wrap}
        onWrap={setWrap}
        following={following && live}
        onFollow={live ? toEnd : null}
        goTo={goTo}
        errorCount={state.marks?.error_count ?? 0}
      />
      {state.error ? (
        <Failure error={state.error} retry={log.toEnd} />
      ) : !state.ready ? (
        <SkeletonRows rows={10} />
      ) : lines.length === 0 ? (
        <p className={styles.empty}>{job.started_at === null && live ? said.notBegun : live ? said.emptyYet : said.empty}</p>
      ) : (
        <div className={styles.frame} style={{ height: wrap ? undefined : lines.length * LINE + FRAME }}>
          <div
            ref={place}
            className={styles.lines}
            data-wrap={wrap}
            tabIndex={0}
            role="log"
            aria-live="off"
            aria-label={said.label}
            onScroll={onScroll}
          >
            <div className={styles.all} style={{ height: rows.getTotalSize() }}>
              {rows.getVirtualItems().map((item) => {
                const number = first === null ? null : first + item.index;
                return (
                  <LogLine
                    key={item.key}
                    ref={wrap ? rows.measureElement : undefined}
                    index={item.index}
                    top={item.start}
                    text={lines[item.index] ?? ""}
                    number={number}
                    chosen={number !== null && number === chosen}
                    wrong={tellsOfError(lines[item.index] ?? "")}
                  />
                );
              })}
            </div>
          </div>
          <ErrorMap marks={state.marks} onGo={goTo} />
          {!following && unseen > 0 && (
            <Button small className={styles.fresh} onClick={toEnd}>
              {said.fresh(unseen)}
            </Button>
          )}
        </div>
      )}
      {state.capped && state.atEnd && <p className="muted small">{said.capped}</p>}
      {state.window.cut && startOf(state.window) > 0 && <p className="muted small">{said.cutAt}</p>}
    </section>
  );
}

/** At the end until somebody scrolls up; then how many lines came since. */
function useFollowing(
  place: React.RefObject<HTMLDivElement | null>,
  count: number,
  atEnd: boolean,
  before: () => Promise<boolean>,
  after: () => Promise<boolean>,
) {
  const [following, setFollowing] = useState(true);
  const seen = useRef(count);
  const loading = useRef(false);
  useLayoutEffect(() => {
    const element = place.current;
    if (following && atEnd && element) element.scrollTop = element.scrollHeight;
    if (following) seen.current = count;
  }, [following, atEnd, count, place]);
  useEffect(() => {
    if (seen.current > count) seen.current = count;
  }, [count]);
  const load = async (more: () => Promise<boolean>, keepPlace: boolean) => {
    const element = place.current;
    if (loading.current || !element) return;
    loading.current = true;
    const below = element.scrollHeight - element.scrollTop;
    const came = await more().catch(() => false);
    if (came && keepPlace) {
      // What is looked at stays where it is.
      requestAnimationFrame(() => requestAnimationFrame(() => (element.scrollTop = element.scrollHeight - below)));
    }
    loading.current = false;
  };
  const last = useRef(0);
  const onScroll = () => {
    const element = place.current;
    if (!element) return;
    const up = element.scrollTop < last.current;
    last.current = element.scrollTop;
    const left = element.scrollHeight - element.scrollTop - element.clientHeight;
    if (up && left > NEAR) setFollowing(false);
    else if (left < NEAR && atEnd) setFollowing(true);
    if (up && element.scrollTop < 400) void load(before, true);
    if (!up && left < 400 && !atEnd) void load(after, false);
  };
  return { following, setFollowing, unseen: count - seen.current, onScroll };
}
