/** What this browser remembers of its user, shared by its tabs. */

import { useSyncExternalStore } from "react";

const PREFIX = "launchyard.";
const listeners = new Set<() => void>();

export function preference(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

/** null takes it away. */
export function setPreference(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, value);
  } catch {
    // Storage is full or switched off: it holds for this page only.
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener("storage", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("storage", listener);
  };
}

export function usePreference(name: string): string | null {
  return useSyncExternalStore(subscribe, () => preference(name));
}

export type Theme = "system" | "light" | "dark";

export function useTheme(): Theme {
  const chosen = usePreference("theme");
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}

export function setTheme(theme: Theme): void {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.documentElement.dataset.theme = theme === "system" ? system : theme;
  setPreference("theme", theme === "system" ? null : theme);
}

/** Told when other colours hold, chosen here or by the system: for what is painted and not styled. */
export function onColours(listener: () => void): () => void {
  const themes = new MutationObserver(listener);
  themes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => themes.disconnect();
}

export function setDensity(density: "normal" | "compact"): void {
  const root = document.documentElement;
  if (density === "compact") root.dataset.density = density;
  else delete root.dataset.density;
  setPreference("density", density === "compact" ? density : null);
}
