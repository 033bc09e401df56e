/** What `start.js` asked before the page was put together: each answer is taken once, and soon or never. */

declare global {
  interface Window {
    launchyardEarly?: Record<string, Promise<Response> | undefined>;
  }
}

/** The answer to this address that is on its way already. */
export function takeEarly(address: string): Promise<Response> | undefined {
  const early = typeof window === "undefined" ? undefined : window.launchyardEarly;
  const answer = early?.[address];
  if (early) delete early[address];
  return answer;
}

/** Something happened that those that are still to be taken may be from before. */
export function forgetEarly(): void {
  window.launchyardEarly = undefined;
}
