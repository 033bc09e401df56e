/**
 * An element that stands out for 600 ms after a value changed; not after the first one. A class that comes and goes
 * is two frames, where a colour that fades is one for every sixtieth of a second, in each tab.
 */

import { type RefObject, useLayoutEffect, useRef } from "react";

const FLASH_MS = 600;

/** For the element that is to flash. */
export function useFlash<Flashing extends HTMLElement>(value: unknown): RefObject<Flashing | null> {
  const element = useRef<Flashing>(null);
  const before = useRef(value);
  useLayoutEffect(() => {
    if (Object.is(before.current, value)) return;
    before.current = value;
    const shown = element.current;
    shown?.classList.add("flash");
    const end = () => shown?.classList.remove("flash");
    const timer = setTimeout(end, FLASH_MS);
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [value]);
  return element;
}
