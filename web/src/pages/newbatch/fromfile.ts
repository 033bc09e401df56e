/** A file of the file browser as the draft of a job: a script as it is, a program by what runs it. */

import { queryOptions } from "@tanstack/react-query";
import { api } from "@/api/client";
import type { FilePreview } from "@/api/types";
import { type Draft, EMPTY } from "./draft";

const RUNNERS: Record<string, string> = { py: "python", r: "Rscript", jl: "julia", pl: "perl", sh: "bash", bash: "bash" };

export function fileQuery(path: string) {
  return queryOptions({
    queryKey: ["edit", path],
    queryFn: ({ signal }) => api.get<FilePreview>("/v1/files/preview", { path, whole: true }, signal),
    gcTime: 0,
  });
}

/** It runs where the file is, under the file's name. */
export function draftOfFile({ path, text }: Pick<FilePreview, "path" | "text">): Draft {
  const at = path.lastIndexOf("/");
  const [file, workingDir] = [path.slice(at + 1), path.slice(0, at) || "/"];
  const dot = file.lastIndexOf(".");
  const name = dot > 0 ? file.slice(0, dot) : file;
  if (text?.startsWith("#!")) return { ...EMPTY, script: text, name, workingDir };
  const runner = RUNNERS[file.slice(dot + 1).toLowerCase()] ?? "bash";
  return { ...EMPTY, kind: "command", command: `${runner} ${quoted(file)}`, name, workingDir };
}

function quoted(word: string): string {
  return /^[\w.+,@%/-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
