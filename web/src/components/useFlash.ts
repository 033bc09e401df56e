/**
 * An element that stands out for 600 ms after a value changed; not after the first one. A class that comes and goes
 * is two frames, where a colour that fades is one for every sixtieth of a second, in each tab.
 */

import { type RefObject, useLayoutEffect, useRef } from "react";

const FLASH_MS = 600;

/** For the element that is to flash; not when it begins to show another thing, named by `of`. */
export function useFlash<Flashing extends HTMLElement>(value: unknown, of?: string): RefObject<Flashing | null> {
  const element = useRef<Flashing>(null);
  const before = useRef({ value, of });
  useLayoutEffect(() => {
    const isChange = before.current.of === of && !Object.is(before.current.value, value);
    before.current = { value, of };
    if (!isChange) return;
    const shown = element.current;
    shown?.classList.add("flash");
    const end = () => shown?.classList.remove("flash");
    const timer = setTimeout(end, FLASH_MS);
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [value, of]);
  return element;
}
