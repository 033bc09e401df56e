/** Asking the server: one function a verb, JSON in and out, each refusal a `Problem` with its sentence. */

import { takeEarly } from "./early";
import type { Problem as ProblemBody } from "./types";

export type Query = Record<string, string | number | boolean | null | undefined>;

export interface Options {
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
  /** The same request with the same key makes nothing twice. */
  idempotencyKey?: string;
  headers?: Record<string, string>;
}

/** What the server refused. `message` is its sentence, `code` a stable word, `status` 0 when it was not reached. */
export class Problem extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
  ) {
    super(message);
    this.name = "Problem";
  }
}

let csrf = "";
const refusedLogin = new Set<() => void>();
const refusedWork = new Set<() => void>();

/** From `GET /v1/me`: sent with everything that changes something. */
export function setCsrf(token: string): void {
  csrf = token;
}

/** Called when the server no longer knows this browser. */
export function onLoginExpired(listener: () => void): () => void {
  refusedLogin.add(listener);
  return () => refusedLogin.delete(listener);
}

/** Called when the server takes no work now: it cannot make anything durable. */
export function onDegraded(listener: () => void): () => void {
  refusedWork.add(listener);
  return () => refusedWork.delete(listener);
}

export function url(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  if (given.length === 0) return path;
  return `${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

/** The raw answer, for bodies that are not JSON. Throws `Problem`. */
export async function request(method: string, path: string, options: Options = {}): Promise<Response> {
  const headers: Record<string, string> = { accept: "application/json", ...options.headers };
  let body: BodyInit | undefined;
  if (options.body instanceof Blob || typeof options.body === "string") body = options.body;
  else if (options.body !== undefined) {
    body = JSON.stringify(options.body);
    headers["content-type"] = "application/json";
  }
  if (method !== "GET" && csrf) headers["x-launchyard-csrf"] = csrf;
  if (options.idempotencyKey) headers["idempotency-key"] = options.idempotencyKey;
  const address = url(path, options.query);
  const login = csrf;
  let response: Response;
  try {
    const early = method === "GET" ? takeEarly(address) : undefined;
    response = await (early ?? fetch(address, { method, headers, body, signal: options.signal, credentials: "same-origin" }));
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem("The server cannot be reached.", 0, "unreachable");
  }
  if (!response.ok) throw await problemOf(response, login);
  return response;
}

async function ask<T>(method: string, path: string, options?: Options): Promise<T> {
  const response = await request(method, path, options);
  const text = await response.text();
  return (text ? JSON.parse(text) : null) as T;
}

export const api = {
  get: <T>(path: string, query?: Query, signal?: AbortSignal) => ask<T>("GET", path, { query, signal }),
  post: <T>(path: string, body: unknown = {}, options?: Options) => ask<T>("POST", path, { ...options, body }),
  put: <T>(path: string, body: unknown, options?: Options) => ask<T>("PUT", path, { ...options, body }),
  patch: <T>(path: string, body: unknown, options?: Options) => ask<T>("PATCH", path, { ...options, body }),
  delete: <T>(path: string, options?: Options) => ask<T>("DELETE", path, options),
};

async function problemOf(response: Response, login: string): Promise<Problem> {
  const text = await response.text().catch(() => "");
  const told = text.startsWith("{") ? (JSON.parse(text) as Partial<ProblemBody>) : {};
  // What an earlier login was refused tells nothing of the one that is here by now.
  if (response.status === 401 && login === csrf) for (const listener of refusedLogin) listener();
  if (response.status === 503 || response.status === 507) for (const listener of refusedWork) listener();
  const sentence = told.detail ? sentenceOf(told.detail) : `The server answered ${response.status}.`;
  return new Problem(sentence, response.status, told.code ?? "");
}

/** The server's sentences begin small, as they follow `ly: ` on a terminal. */
export function sentenceOf(detail: string): string {
  const begun = detail.charAt(0).toUpperCase() + detail.slice(1);
  return /[.!?:]$/.test(begun) ? begun : `${begun}.`;
}
