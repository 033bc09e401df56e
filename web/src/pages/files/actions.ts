/** What is done to files, with the question before what cannot be taken back and the sentence after. */

import type { QueryClient } from "@tanstack/react-query";
import { Problem, api } from "@/api/client";
import type { DeletedFiles, PlacedFile } from "@/api/types";
import { confirm, toast, toastFailure } from "@/components";
import { fileWords as say } from "@/words/files";
import { type Entry, type Folder, isFolder, join, nameOf } from "./folder";

/** Every listing that is kept is read anew. */
export function renew(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: ["files"] });
}

export async function makeFolder(client: QueryClient, folder: Folder, name: string): Promise<void> {
  await api.post("/v1/files/folders", { path: join(folder.path, name) });
  toast(say.made(name));
  renew(client);
}

export async function makeFile(client: QueryClient, folder: Folder, name: string): Promise<void> {
  await api.put("/v1/files/text", { path: join(folder.path, name), text: "", version: null });
  renew(client);
}

/** Renames, and offers to take it back. */
export async function rename(client: QueryClient, folder: Folder, from: string, to: string): Promise<void> {
  await moveOne(join(folder.path, from), join(folder.path, to));
  renew(client);
  toast(say.renamed(from, to), {
    undo: () => void moveOne(join(folder.path, to), join(folder.path, from)).then(() => renew(client), toastFailure),
  });
}

/** Into another folder, each; what is there already is left and told. */
export async function move(client: QueryClient, folder: Folder, names: readonly string[], target: string): Promise<void> {
  const moved: string[] = [];
  try {
    for (const name of names) {
      await moveOne(join(folder.path, name), join(target, name));
      moved.push(name);
    }
  } finally {
    renew(client);
    if (moved.length > 0)
      toast(say.moved(named(moved), target), {
        undo: () =>
          void Promise.all(moved.map((name) => moveOne(join(target, name), join(folder.path, name)))).then(
            () => renew(client),
            toastFailure,
          ),
      });
  }
}

async function moveOne(path: string, to: string): Promise<PlacedFile> {
  return api.post<PlacedFile>("/v1/files/move", { path, to, conflict: "fail" });
}

/** Asks first, naming it. True when something was deleted. */
export async function remove(client: QueryClient, folder: Folder, entries: readonly Entry[]): Promise<boolean> {
  const what = named(entries.map((entry) => entry.name));
  const yes = await confirm({
    title: say.removeAsk(what),
    body: entries.some(isFolder) ? say.removeFolderHow : say.removeHow,
    action: say.remove,
  });
  if (!yes) return false;
  try {
    const paths = entries.map((entry) => join(folder.path, entry.name));
    const done = await api.post<DeletedFiles>("/v1/files/delete", { paths });
    const [failed] = done.failed;
    if (failed) toastFailure(new Problem(failed.error, 409, "conflict"));
    if (done.removed.length > 0) toast(say.removed(named(done.removed.map(nameOf))));
  } catch (error) {
    toastFailure(error);
  }
  renew(client);
  return true;
}

export function named(names: readonly string[]): string {
  return names.length === 1 ? (names[0] ?? "") : say.items(names.length);
}
