/** A value that may change often, where it need not be shown at once: the newest, every other second. */

import { useEffect, useRef, useState } from "react";

const PAUSE_MS = 2000;

/** The first that is there is shown at once. */
export function useCalm<Value>(value: Value | undefined): Value | undefined {
  const [shown, setShown] = useState(value);
  const newest = useRef(value);
  newest.current = value;
  const changed = !Object.is(shown, value);
  useEffect(() => {
    if (!changed) return;
    const timer = setTimeout(() => setShown(newest.current), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [changed]);
  return shown ?? value;
}
