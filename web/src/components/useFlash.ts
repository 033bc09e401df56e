/** A class for 600 ms after a value changed; not for the first one. */

import { useEffect, useRef, useState } from "react";

export function useFlash(value: unknown): string {
  const before = useRef(value);
  const [flashing, setFlashing] = useState(false);
  useEffect(() => {
    if (Object.is(before.current, value)) return;
    before.current = value;
    setFlashing(true);
    const timer = setTimeout(() => setFlashing(false), 600);
    return () => clearTimeout(timer);
  }, [value]);
  return flashing ? "flash" : "";
}
