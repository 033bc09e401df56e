/**
 * Which rows of a long table are in sight as the window scrolls. All rows are of one height, so nothing is measured
 * or kept for each of them: a hundred thousand are no more work than ten.
 */

import { type RefObject, useEffect, useLayoutEffect, useState } from "react";

/** So many beyond what is in sight are drawn, for what comes next; who scrolls faster than that needs none of them. */
const OVER = 8;
/** So long after such a jump they are drawn. */
const CALM_MS = 120;
/** So many rows come into sight at a time. */
const STEP = 4;
/** What covers the top of the window: the bar and the head of the table. */
const COVERED = 88;
const BELOW = 64;

interface InSight {
  /** The first row that is to be drawn, and how many from there on, if there are as many. */
  first: number;
  count: number;
  /** More rows come into sight at a time than are kept ready: nothing of what is drawn now lasts. */
  fast: boolean;
  /** Brings a row into sight. */
  scrollTo: (index: number) => void;
}

/** `body` begins where its first row would be. */
export function useInSight(body: RefObject<HTMLElement | null>, rows: number, height: number): InSight {
  const [sight, setSight] = useState(() => ({ first: 0, count: drawnAtOnce(height, OVER), fast: false }));
  useLayoutEffect(() => {
    let frame = 0;
    let calm: ReturnType<typeof setTimeout> | undefined;
    let before: number | null = null;
    const look = () => {
      frame = 0;
      const top = body.current?.getBoundingClientRect().top ?? 0;
      const at = Math.floor((COVERED - top) / height);
      const fast = before !== null && Math.abs(at - before) > OVER;
      const over = fast ? 0 : OVER;
      before = at;
      clearTimeout(calm);
      if (fast) calm = setTimeout(look, CALM_MS);
      const count = drawnAtOnce(height, over);
      const wanted = Math.max(0, Math.min(rows - count, at - over));
      // At the end all that is left is shown.
      const first = wanted === rows - count ? wanted : wanted - (wanted % STEP);
      setSight((now) => (now.first === first && now.count === count && now.fast === fast ? now : { first, count, fast }));
    };
    const soon = () => {
      frame ||= requestAnimationFrame(look);
    };
    look();
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    return () => {
      cancelAnimationFrame(frame);
      clearTimeout(calm);
      removeEventListener("scroll", soon);
      removeEventListener("resize", soon);
    };
  }, [body, rows, height]);
  const scrollTo = (index: number) => {
    const top = (body.current?.getBoundingClientRect().top ?? 0) + index * height;
    if (top < COVERED) scrollBy(0, top - COVERED);
    else if (top + height > window.innerHeight - BELOW) scrollBy(0, top + height - window.innerHeight + BELOW);
  };
  return { ...sight, scrollTo };
}

function drawnAtOnce(height: number, over: number): number {
  return Math.ceil(window.innerHeight / height) + 2 * over + STEP;
}

/** Of all tables, in pixels; it is a setting, and greater where fingers point. */
export function useRowHeight(): number {
  const [height, setHeight] = useState(rowHeight);
  useEffect(() => {
    const look = () => setHeight(rowHeight());
    const watch = new MutationObserver(look);
    watch.observe(document.documentElement, { attributeFilter: ["data-density"] });
    const coarse = matchMedia("(pointer: coarse)");
    coarse.addEventListener("change", look);
    return () => {
      watch.disconnect();
      coarse.removeEventListener("change", look);
    };
  }, []);
  return height;
}

function rowHeight(): number {
  return Number.parseInt(getComputedStyle(document.documentElement).getPropertyValue("--row"), 10) || 36;
}
