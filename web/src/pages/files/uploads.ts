/**
 * Uploads: in pieces, two files at a time, paused and gone on with; a connection that breaks goes on by itself.
 *
 * They live outside of the page, so that somebody may look at other pages meanwhile. A file that is chosen again
 * after the browser was closed goes on where it stopped, since its number is made of what it is.
 */

import { useSyncExternalStore } from "react";
import { Problem, request, url } from "@/api/client";
import type { UploadReceived, UploadState } from "@/api/types";
import { join } from "./folder";

export type Phase = "waiting" | "running" | "retrying" | "paused" | "asks" | "done" | "skipped" | "failed";
export type Rule = "keep" | "replace" | "skip";

export interface Upload {
  id: number;
  file: File;
  folder: string;
  path: string;
  phase: Phase;
  sent: number;
  /** Bytes a second, lately. */
  speed: number;
  error: string | null;
  /** Its last piece was sent: if nothing was heard of that, it may be in its place. */
  sentAll: boolean;
}

const PIECE = 4 * 1024 * 1024;
const AT_ONCE = 2;
const RETRY_MS = [1000, 2000, 4000, 8000] as const;

let uploads: readonly Upload[] = [];
let next = 1;
const running = new Map<number, AbortController>();
const listeners = new Set<() => void>();
const finished = new Set<(folder: string) => void>();

function change(id: number, more: Partial<Upload>): void {
  uploads = uploads.map((one) => (one.id === id ? { ...one, ...more } : one));
  tell();
}

function tell(): void {
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useUploads(): readonly Upload[] {
  return useSyncExternalStore(subscribe, () => uploads);
}

/** Called with the folder when a file is in its place. */
export function onUploaded(listener: (folder: string) => void): () => void {
  finished.add(listener);
  return () => finished.delete(listener);
}

export function add(files: readonly File[], folder: string): void {
  const added = files.map((file): Upload => {
    const path = join(folder, file.name);
    return { id: next++, file, folder, path, phase: "waiting", sent: 0, speed: 0, error: null, sentAll: false };
  });
  uploads = [...uploads, ...added];
  tell();
  start();
}

export function pause(id: number): void {
  running.get(id)?.abort();
  change(id, { phase: "paused", speed: 0 });
  start();
}

export function resume(id: number): void {
  change(id, { phase: "waiting", error: null });
  start();
}

export async function cancel(id: number): Promise<void> {
  const upload = uploads.find((one) => one.id === id);
  running.get(id)?.abort();
  uploads = uploads.filter((one) => one.id !== id);
  tell();
  start();
  if (!upload || upload.phase === "done" || upload.phase === "skipped") return;
  const query = { path: upload.path, number: await numberOf(upload) };
  await request("DELETE", "/v1/files/uploads", { query }).catch(() => undefined);
}

export function clearFinished(): void {
  uploads = uploads.filter((one) => !["done", "skipped", "failed"].includes(one.phase));
  tell();
}

/** What to do with a name that is taken; `forAll`: with all that ask now. */
export function settle(id: number, rule: Rule, forAll: boolean): void {
  for (const one of uploads.filter((two) => two.phase === "asks" && (forAll || two.id === id))) {
    change(one.id, { phase: "running" });
    void run(one.id, rule);
  }
}

function start(): void {
  while (running.size < AT_ONCE) {
    const upload = uploads.find((one) => one.phase === "waiting");
    if (!upload) return;
    change(upload.id, { phase: "running" });
    void run(upload.id, null);
  }
}

async function run(id: number, rule: Rule | null): Promise<void> {
  const control = new AbortController();
  running.set(id, control);
  let failures = 0;
  while (!control.signal.aborted) {
    try {
      await send(id, rule, control.signal, () => {
        failures = 0;
      });
      break;
    } catch (error) {
      if (control.signal.aborted) break;
      if (!passes(error) && !(isBehind(error) && failures < RETRY_MS.length)) {
        refused(id, error);
        break;
      }
      change(id, { phase: "retrying", speed: 0 });
      await later(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)] ?? 8000, control.signal);
    }
  }
  if (running.get(id) === control) running.delete(id);
  start();
}

/** From where the server has it to the end. */
async function send(id: number, rule: Rule | null, signal: AbortSignal, moved: () => void): Promise<void> {
  const upload = uploads.find((one) => one.id === id);
  if (!upload) return;
  const { file, path, folder } = upload;
  const number = await numberOf(upload);
  const state = await ask<UploadState>("GET", { path, number }, signal);
  if (upload.sentAll && (rule === null || rule === "replace") && (await isInPlace(upload, state, signal))) {
    change(id, { phase: "done", sent: file.size, speed: 0 });
    for (const listener of finished) listener(folder);
    return;
  }
  if (state.there && rule === null) {
    change(id, { phase: "asks", sent: state.received });
    return;
  }
  let sent = state.received;
  let done: UploadReceived | null = null;
  change(id, { phase: "running", sent });
  while (!done?.complete) {
    const began = performance.now();
    const piece = file.slice(sent, sent + PIECE);
    const query = { path, number, offset: sent, size: file.size, conflict: rule ?? "fail" };
    if (sent + piece.size === file.size) change(id, { sentAll: true });
    done = await ask<UploadReceived>("PUT", query, signal, piece);
    sent = done.received;
    moved();
    change(id, { phase: "running", sent, speed: (piece.size / Math.max(1, performance.now() - began)) * 1000 });
  }
  change(id, { phase: done.skipped ? "skipped" : "done", path: done.path, speed: 0 });
  for (const listener of finished) listener(folder);
}

/**
 * Whether the file is what has the name, where the answer to its last piece was lost: nothing of the upload is left
 * beside it, and it has the size and the last piece of the file.
 */
async function isInPlace({ file, path }: Upload, { received, there }: UploadState, signal: AbortSignal): Promise<boolean> {
  if (received > 0 || there?.size !== file.size) return false;
  const offset = Math.max(0, file.size - 1) - (Math.max(0, file.size - 1) % PIECE);
  const response = await request("GET", url("/v1/files/content", { path, offset }), { signal }).catch((error: unknown) => {
    if (signal.aborted || passes(error)) throw error;
    return null;
  });
  if (response === null) return false;
  const [here, mine] = await Promise.all([response.arrayBuffer(), file.slice(offset).arrayBuffer()]);
  const [one, other] = [new Uint8Array(here), new Uint8Array(mine)];
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

function refused(id: number, error: unknown): void {
  if (error instanceof Problem && error.code === "exists") change(id, { phase: "asks", speed: 0 });
  else change(id, { phase: "failed", error: error instanceof Error ? error.message : String(error), speed: 0 });
}

/** Whether it may work in a moment. */
function passes(error: unknown): boolean {
  if (!(error instanceof Problem)) return false;
  return error.status === 0 || error.status === 408 || error.status === 502 || error.status === 503 || error.status === 401;
}

/** What was sent before it was cut was still being taken in: how much is there is another number by now. */
function isBehind(error: unknown): boolean {
  return error instanceof Problem && error.status === 409 && error.code === "conflict";
}

async function ask<T>(
  method: string,
  query: Record<string, string | number>,
  signal: AbortSignal,
  body?: Blob,
): Promise<T> {
  const headers = body ? { "content-type": "application/octet-stream" } : undefined;
  const response = await request(method, url("/v1/files/uploads", query), { body, signal, headers });
  return (await response.json()) as T;
}

function later(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const over = () => {
      clearTimeout(timer);
      removeEventListener("online", over);
      done();
    };
    const timer = setTimeout(over, ms);
    addEventListener("online", over);
    signal.addEventListener("abort", over);
  });
}

/** 32 hex digits of what the file is: the same file goes on with the same upload. */
async function numberOf({ path, file }: Upload): Promise<string> {
  const text = `${path}\0${file.size}\0${file.lastModified}`;
  if (!crypto.subtle) return plainNumber(text);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest).slice(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The same where there is no cryptography (plain HTTP under a name): it need not be secret, only distinct. */
function plainNumber(text: string): string {
  const parts = [0x811c9dc5, 0x01000193, 0x9e3779b9, 0x85ebca6b].map((seed) => {
    let hash = seed;
    for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
    return hash.toString(16).padStart(8, "0");
  });
  return parts.join("");
}
