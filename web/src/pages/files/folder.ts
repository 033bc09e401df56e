/** A folder as the server lists it: columns become entries; sorting and filtering. Pure but for the question. */

import { queryOptions } from "@tanstack/react-query";
import { api } from "@/api/client";
import type { FilePreview, FileRows, FolderListing } from "@/api/types";

export type Kind = "d" | "f" | "l" | "o";

export interface Entry {
  name: string;
  kind: Kind;
  size: number | null;
  /** Seconds since 1970. */
  modified: number | null;
  /** What a link leads to; null: nowhere. */
  target: Kind | null;
  /** The name is not UTF-8, so it cannot be asked for. */
  unusable: boolean;
}

export interface Folder extends Omit<FolderListing, "rows" | "columns"> {
  entries: readonly Entry[];
}

export type SortKey = "name" | "size" | "changed";

export const folderKey = (path: string) => ["files", path] as const;

export function folderQuery(path: string) {
  return queryOptions({
    queryKey: folderKey(path),
    queryFn: async ({ signal }): Promise<Folder> => {
      const { rows, columns: _, ...facts } = await api.get<FolderListing>("/v1/files", { path }, signal);
      return { ...facts, entries: rows.map(entryOf) };
    },
    staleTime: 0,
    gcTime: 30_000,
    // Very many entries would be compared one by one.
    structuralSharing: false,
  });
}

/** What the listing had no time to look at, asked for while it is shown already: a few thousand at a time. */
export async function looked(folder: Folder, signal: AbortSignal): Promise<Folder> {
  const names = folder.entries.filter(unlooked).map((entry) => entry.name);
  const known = new Map<string, Entry>();
  for (let at = 0; at < names.length; at += LOOK_AT_ONCE) {
    const body = { path: folder.path, names: names.slice(at, at + LOOK_AT_ONCE) };
    const { rows } = await api.post<FileRows>("/v1/files/details", body, { signal });
    for (const row of rows) known.set(row[0] as string, entryOf(row));
  }
  return { ...folder, entries: folder.entries.map((entry) => known.get(entry.name) ?? entry) };
}

export function unlooked(entry: Entry): boolean {
  return entry.modified === null && entry.kind !== "o" && !entry.unusable;
}

const LOOK_AT_ONCE = 5_000;

export function previewQuery(path: string, version: number | null) {
  return queryOptions({
    queryKey: ["file", path, version] as const,
    queryFn: ({ signal }) => api.get<FilePreview>("/v1/files/preview", { path }, signal),
    staleTime: 10_000,
  });
}

function entryOf(row: readonly unknown[]): Entry {
  return {
    name: row[0] as string,
    kind: row[1] as Kind,
    size: row[2] as number | null,
    modified: row[3] as number | null,
    target: (row[5] as Kind | null | undefined) ?? null,
    unusable: row[6] === true,
  };
}

/** Whether it opens as a folder. */
export function isFolder(entry: Entry): boolean {
  return entry.kind === "d" || (entry.kind === "l" && entry.target === "d");
}

/** Folders first, then by what is asked. */
export function arranged(
  entries: readonly Entry[],
  options: { sort: SortKey; down: boolean; text: string; hidden: boolean },
): Entry[] {
  const text = options.text.toLowerCase();
  const fitting = entries.filter(
    (entry) =>
      (options.hidden || !entry.name.startsWith(".")) && (text === "" || entry.name.toLowerCase().includes(text)),
  );
  const compare = COMPARE[options.sort];
  const sign = options.down ? -1 : 1;
  return fitting.sort((a, b) => Number(isFolder(b)) - Number(isFolder(a)) || sign * compare(a, b));
}

// Made once: a comparison of its own for each pair takes ten times as long.
const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const MANY = 5_000;

const COMPARE: Record<SortKey, (a: Entry, b: Entry) => number> = {
  name: byName,
  size: (a, b) => (a.size ?? -1) - (b.size ?? -1) || byName(a, b),
  changed: (a, b) => (a.modified ?? 0) - (b.modified ?? 0) || byName(a, b),
};

let quick = false;

/** Of very many names: by letter codes, which is ten times as quick. */
export function sortQuickly(count: number): void {
  quick = count > MANY;
}

function byName(a: Entry, b: Entry): number {
  if (quick) return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
  return collator.compare(a.name, b.name);
}

export function join(folder: string, name: string): string {
  return folder === "/" ? `/${name}` : `${folder}/${name}`;
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The parts of a path below the folder that it is allowed in, each with its own path. */
export function crumbs(path: string, roots: readonly string[]): { name: string; path: string }[] {
  const root = [...roots]
    .sort((a, b) => b.length - a.length)
    .find((one) => path === one || path.startsWith(one === "/" ? "/" : `${one}/`));
  if (root === undefined) return [{ name: path, path }];
  const found = [{ name: root, path: root }];
  for (const name of path.slice(root.length).split("/").filter(Boolean))
    found.push({ name, path: join(found[found.length - 1]?.path ?? "", name) });
  return found;
}

/** The address of a folder's page. */
export function folderAddress(path: string): string {
  return `/files${path.split("/").map(encodeURIComponent).join("/")}`;
}

/** The address of a file's bytes. */
export function contentAddress(path: string, view = false): string {
  return `/v1/files/content?${new URLSearchParams(view ? { path, view: "1" } : { path })}`;
}

export function archiveAddress(paths: readonly string[]): string {
  return `/v1/files/archive?${new URLSearchParams(paths.map((path) => ["path", path]))}`;
}
