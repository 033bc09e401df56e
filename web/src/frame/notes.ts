/** What was told of sessions before it happened, for the bell: kept by this browser, a list for each user. */

import { preference, setPreference, usePreference } from "@/state/preference";

export interface Note {
  session: number;
  text: string;
  at: string;
}

const KEPT = 12;

/** Each tab hears of it; it is kept once. */
export function keepNote(user: string, session: number, text: string): void {
  const known = read(preference(key(user)));
  if (known.some((one) => one.session === session && one.text === text)) return;
  const note: Note = { session, text, at: new Date().toISOString() };
  setPreference(key(user), JSON.stringify([note, ...known].slice(0, KEPT)));
}

export function useNotes(user: string): Note[] {
  return read(usePreference(key(user)));
}

function key(user: string): string {
  return `notes-${user}`;
}

function read(text: string | null): Note[] {
  try {
    const found: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(found) ? (found as Note[]) : [];
  } catch {
    return [];
  }
}
