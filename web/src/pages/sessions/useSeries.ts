/**
 * What a running job uses, once it is in sight. `live`: an answer that stays open brings what is new, and is let
 * go while nobody looks at the page; else it is asked for once.
 */

import { type RefObject, useEffect, useState } from "react";
import { request } from "@/api/client";
import type { Rates, UsageSeries } from "@/api/types";

const KEPT = 400;

export function useSeries(id: number, live: boolean, place: RefObject<Element | null>): UsageSeries | null {
  const [series, setSeries] = useState<UsageSeries | null>(null);
  const looked = useLooked(place);
  useEffect(() => {
    if (!looked) return;
    const stop = new AbortController();
    void follow(id, live, stop.signal, setSeries).catch(() => undefined);
    return () => stop.abort();
  }, [id, live, looked]);
  return series;
}

/** Whether somebody can see it: it has been scrolled into view, and the page is not behind another. */
function useLooked(place: RefObject<Element | null>): boolean {
  const [seen, setSeen] = useState(false);
  const [front, setFront] = useState(!document.hidden);
  useEffect(() => {
    const turned = () => setFront(!document.hidden);
    document.addEventListener("visibilitychange", turned);
    return () => document.removeEventListener("visibilitychange", turned);
  }, []);
  useEffect(() => {
    if (seen || !place.current) return;
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((one) => one.isIntersecting)) setSeen(true);
    });
    observer.observe(place.current);
    return () => observer.disconnect();
  }, [seen, place]);
  return seen && front;
}

type Change = (to: UsageSeries | ((before: UsageSeries | null) => UsageSeries | null)) => void;

async function follow(id: number, live: boolean, signal: AbortSignal, change: Change): Promise<void> {
  const answer = await request("GET", `/v1/jobs/${id}/series`, { query: live ? { follow: 1 } : {}, signal });
  if (!answer.body) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    text += value ?? "";
    const lines = text.split("\n");
    text = done ? "" : (lines.pop() ?? "");
    for (const line of lines) if (line) take(JSON.parse(line) as UsageSeries | { more: Rates }, change);
    if (done) return;
  }
}

function take(told: UsageSeries | { more: Rates }, change: Change): void {
  if ("rates" in told) change(told);
  else change((before) => (before ? { ...before, rates: joined(before.rates, told.more) } : before));
}

function joined(before: Rates, more: Rates): Rates {
  const last = <T>(one: T[], two: T[]) => [...one, ...two].slice(-KEPT);
  return {
    at_s: last(before.at_s, more.at_s),
    cpus: last(before.cpus, more.cpus),
    memory_mib: last(before.memory_mib, more.memory_mib),
    read_mib_s: last(before.read_mib_s, more.read_mib_s),
    written_mib_s: last(before.written_mib_s, more.written_mib_s),
    gpus: last(before.gpus, more.gpus),
    gpu_memory_mib: last(before.gpu_memory_mib, more.gpu_memory_mib),
  };
}
