/** Made by `make docs` from the OpenAPI document (src/launchyard/wire); change that, not this. */

/**
 * The body of `POST /v1/acts`: one thing done to many jobs, each by id or as a task (`12_3`).
 *
 * `signal` and `target` belong to the act `signal`. `cron` says of the act `cancel` that jobs of a crontab
 * are meant too, where the site wants that to be said.
 */
export interface ActOnJobs {
  act: "cancel" | "hold" | "uhold" | "release" | "requeue" | "requeuehold" | "suspend" | "resume" | "top" | "signal";
  jobs: string[];
  signal?: string | number | null;
  target?: "all" | "batch" | "steps";
  cron?: boolean;
}

/** What became of one job: its state then, or why it was refused (a status of HTTP, a sentence). */
export interface ActResult {
  job: string;
  status: number;
  code?: string | null;
  detail?: string | null;
  state?: string | null;
}

/** One result for each job asked for. */
export interface ActResults {
  results: ActResult[];
}

/**
 * What to ask for, from the last `runs` runs of the same user and name (or command).
 *
 * `changes` are keys of a submission, `options` the same for `ly submit`.
 */
export interface Advice {
  sentence: string;
  options: string;
  changes: Record<string, unknown>;
  runs: number;
}

/** How many waiting jobs come before, and the first of them. */
export interface Ahead {
  count: number;
  jobs: number[];
}

/**
 * One app. `unavailable` says why it cannot be started here; `last` is what was asked for last time.
 *
 * `saved` is what was kept under a name.
 */
export interface App {
  name: string;
  title: string;
  summary: string;
  icon: string;
  origin: "shipped" | "site" | "own";
  unavailable: string | null;
  speaks: "http" | "rfb" | "terminal";
  environment: boolean;
  defaults: AppDefaults;
  fields: AppField[];
  rules: AppRule[];
  last: Record<string, unknown> | null;
  saved: SavedSettings[];
}

/** What a session gets unless asked otherwise. */
export interface AppDefaults {
  cpus: number;
  memory_mib: number;
  gpus: number;
  time_limit_s: number;
  idle_stop_s: number | null;
}

/** One question of a form. It is asked while `when` fits; else it keeps its default. */
export interface AppField {
  name: string;
  label: string;
  type: "text" | "number" | "integer" | "switch" | "choice" | "path" | "python";
  default: string | number | boolean | null;
  help: string;
  placeholder: string;
  required: boolean;
  folded: boolean;
  min: number | null;
  max: number | null;
  step: number | null;
  pattern: string;
  options: AppOption[];
  when: Record<string, unknown[]>;
}

/** All apps of the caller, in the order in which they are shown. */
export interface AppList {
  apps: App[];
}

/** One choice of a field; `when`: by field the values of which one must be chosen for it to be there. */
export interface AppOption {
  value: string;
  label: string;
  when: Record<string, unknown[]>;
}

/** While `when` fits, these bounds hold for `field` in place of its own; null and empty change nothing. */
export interface AppRule {
  when: Record<string, unknown[]>;
  field: string;
  min: number | null;
  max: number | null;
  required: boolean | null;
  options: string[];
}

/**
 * Which array a job is, or belongs to. `pending` are the indexes that have not started, as ranges.
 *
 * `index` is null for the array itself; only the array itself has the keys after `pending`. Those that
 * ended while they waited are `never_started`.
 */
export interface ArrayPlace {
  job_id: number;
  index: number | null;
  pending: string | null;
  waiting?: number;
  size?: number;
  throttle?: number | null;
  never_started?: string | null;
  counts?: Record<string, number>;
}

/** What a job asks for in all. After `nodes` only what is asked for is there. */
export interface Asked {
  cpus: number;
  memory_mib: number;
  gpus: number;
  nodes: number;
  gpu_type?: string;
  nodes_max?: number | null;
  tasks?: number | null;
  tasks_per_node?: number | null;
  exclusive?: boolean;
  constraint?: string;
  nodelist?: string[];
  exclude?: string[];
  licences?: Record<string, number>;
  reservation?: string;
}

/** `GET /v1/admin/audit`: who did what, the newest first; each has `at`, `event` and more. */
export interface AuditRecords {
  records: Record<string, unknown>[];
}

/**
 * The body of `POST /v1/admin/policy`: one thing changed or removed.
 *
 * `kind` is account, user, qos, partition, role or scheduler. Values are text as in the file, without
 * quotes; an empty one takes the key away. `limits.gpus` is a key in a table of the thing, and so is
 * `gpus` alone.
 */
export interface ChangeRules {
  kind: string;
  name?: string;
  values?: Record<string, string>;
  remove?: boolean;
}

/** The same by column; `constants` are of columns that hold one value alone. */
export interface Columns {
  count: number;
  constants: Record<string, unknown>;
  columns: Record<string, unknown[]>;
}

/**
 * `GET /v1/admin/config`: what is wrong with the configuration file as it is now; null: nothing.
 *
 * `unread` is why nobody knows: the server may not read it while it runs. It is read at the next start.
 */
export interface ConfigState {
  problem: string | null;
  unread: string | null;
}

/** The ids of the jobs, in the order of the lines. */
export interface CrontabJobs {
  jobs: number[];
}

/** The job that comes again and again at the times of `spec`, and the lines of the text it stands on. */
export interface CrontabLine {
  spec: string;
  first_line: number;
  last_line: number;
  job: SubmitJob;
}

/** The table; lines whose jobs were cancelled are comments. */
export interface CrontabText {
  text: string;
}

/** The body of `POST /v1/jobs/{id}/debug`. `app` is what is opened, `time_limit_s` for how long. */
export interface DebugJob {
  app?: string;
  time_limit_s?: number | null;
}

/** The body of `POST /v1/files/delete`: files, and folders with all that is in them. */
export interface DeleteFiles {
  paths: string[];
}

/** What is gone, and what is not. */
export interface DeletedFiles {
  removed: string[];
  failed: NotDeleted[];
}

/**
 * What a job used of what it asked for.
 *
 * `cpu` and `gpu` are in seconds of what it held, `memory` in MiB, `time` in seconds of its limit. Of an
 * array they are the sums of its tasks, memory in MiB times seconds.
 */
export interface Efficiency {
  id: number;
  name: string;
  user: string;
  state: JobState;
  array: ArrayPlace | null;
  resources: Asked;
  time_limit_s: number | null;
  elapsed_s: number | null;
  cpu: UsedPart;
  memory: UsedPart;
  gpu: UsedPart;
  time: UsedPart;
}

/** Jobs that ran and ended, newest first; not `complete`: only the newest were looked at. */
export interface EfficiencyList {
  jobs: Efficiency[];
  total: EfficiencyTotal;
  complete: boolean;
}

/** Of all jobs listed; memory is in MiB times seconds. */
export interface EfficiencyTotal {
  jobs: number;
  elapsed_s: number;
  cpu: UsedPart;
  memory: UsedPart;
  gpu: UsedPart;
  time: UsedPart;
}

/** When a waiting job may start. */
export interface EstimatedStart {
  start: string;
  low: string;
  high: string;
}

/** The body of `POST /v1/sessions/{id}/extend`. */
export interface ExtendSession {
  by_s?: number;
}

/** `GET /v1/files/about`. `version` changes with the content; `real` is the path without links. */
export interface FileFacts {
  path: string;
  kind: string;
  size: number;
  modified_at: number;
  mode: number;
  version: string;
  writable: boolean;
  free_bytes: number;
  real: string;
}

/** `GET /v1/files/preview`: `kind` is text, image or binary; `text` is the beginning of a text. */
export interface FilePreview {
  path: string;
  kind: string;
  media_type: string | null;
  text: string | null;
  truncated: boolean;
  editable: boolean;
  size: number;
  modified_at: number;
  version: string;
}

/** Rows as of a listing. */
export interface FileRows {
  rows: unknown[][];
}

/** What has the name already. */
export interface FileThere {
  size: number;
  modified_at: number;
}

/**
 * `GET /v1/files`: rows of `columns`, in no order. `complete` false: there is more than is listed.
 *
 * Kinds are `d` folder, `f` file, `l` link (`target` is what it leads to), `o` something else. Size and time
 * are null where looking took too long; `unusable`: the name is not UTF-8.
 */
export interface FolderListing {
  path: string;
  roots: string[];
  parent: string | null;
  writable: boolean;
  free_bytes: number;
  complete: boolean;
  columns: string[];
  rows: unknown[][];
}

/** Whether a step ended; not: the time that was given is over. */
export interface Freed {
  freed: boolean;
}

/** Whether the server takes work. */
export interface Health {
  status: "ok" | "degraded";
}

/** How many of the last `count` estimates that were shown came true. */
export interface HitRate {
  right: number;
  count: number;
}

/** What became of one item of a list. */
export interface ItemError {
  error: Problem;
}

/**
 * A job. `script` and `runtime_env` are digests, `command` is what a person would type.
 *
 * A job of unlike `parts` has their sum as its `resources`; others have none.
 */
export interface Job {
  id: number | null;
  name: string;
  kind: JobKind;
  user: string;
  account: string | null;
  partition: string;
  qos: string;
  cluster: string;
  engine_id: string | null;
  group: string | null;
  state: JobState;
  reason: string | null;
  cause: string | null;
  exit_code: number | null;
  signal: number | null;
  priority: number;
  resources: Asked;
  time_limit_s: number | null;
  submitted_at: string;
  started_at: string | null;
  ended_at: string | null;
  estimate: EstimatedStart | null;
  nodes: string[];
  array: ArrayPlace | null;
  submission_id: string | null;
  command: string | null;
  script: string | null;
  working_dir: string | null;
  log_path: string | null;
  url: string | null;
  metadata: Record<string, string>;
  attempt: number;
  usage: Used;
  stale_since: string | null;
  past_attempts: Past[];
  nice: number;
  requeue: boolean;
  requeues: number;
  retries: Retried | null;
  held: boolean;
  after: string | null;
  begin_at: string | null;
  deadline_at: string | null;
  time_min_s: number | null;
  parts: JobPart[];
  runtime_env: string | null;
}

/**
 * Many jobs by column, newest first; times are seconds since 1970. Tasks are not among them unless asked.
 *
 * A column is a list of values, or `{"of": values, "at": positions in them}` where few values come often.
 * `next` is the `cursor` of the next page, null on the last; `now` when this was true.
 */
export interface JobColumns {
  count: number;
  now: number;
  next: string | null;
  columns: Record<string, unknown>;
}

/** The same of one job, with its tasks (of an array) and what to ask for next time. */
export interface JobEfficiency {
  id: number;
  name: string;
  user: string;
  state: JobState;
  array: ArrayPlace | null;
  resources: Asked;
  time_limit_s: number | null;
  elapsed_s: number | null;
  cpu: UsedPart;
  memory: UsedPart;
  gpu: UsedPart;
  time: UsedPart;
  tasks: TasksUsed | null;
  advice: Advice | null;
}

/** `BATCH` a script, `COMMAND` an entrypoint, `SESSION` an app, `DRIVER` an attached client. */
export type JobKind = "batch" | "command" | "session" | "driver";

/** The data of an event of kind `job`; an event `reset` means: events were missed, read the state anew. */
export interface JobMoved {
  seq: number;
  job_id: number;
  user: string;
  account: string | null;
  state: JobState;
  previous: JobState | null;
  at: string;
}

/** Jobs, newest first; `next` is the `cursor` of the next page, null on the last. */
export interface JobPage {
  jobs: Job[];
  next: string | null;
}

/** One of the unlike parts of a job that has them; `nodes` once it has started. */
export interface JobPart {
  id: number;
  partition: string;
  resources: Asked;
  nodes: string[];
}

/** Where a job is. `COMPLETING`: the main process ended, the rest of it is still being killed. */
export type JobState = "PENDING" | "STARTING" | "RUNNING" | "SUSPENDED" | "COMPLETING" | "COMPLETED" | "FAILED" | "CANCELLED" | "TIMEOUT" | "OUT_OF_MEMORY" | "NODE_FAIL" | "PREEMPTED" | "DEADLINE" | "LOST";

/** A package that the session's kernel has and its environment would not have; `line` asks for it. */
export interface LackedPackage {
  name: string;
  version: string;
  line: string;
}

/**
 * The body of `POST /login`: what the way of logging in asks for; of a link, its code.
 *
 * `provider`: `link`, or `password` with `user` and `password`.
 */
export interface LogIn {
  code?: string;
  provider?: string;
  user?: string;
  password?: string;
}

/**
 * What the margin of a log shows.
 *
 * `places` say where some lines begin, as [number, offset]; `errors` are the last lines that tell of errors,
 * as [number, offset, text], of `error_count` in all. Not `complete`: the end was not looked at.
 */
export interface LogMarks {
  lines: number;
  places: unknown[][];
  errors: unknown[][];
  error_count: number;
  size: number;
  complete: boolean;
}

/**
 * Lines of a log that contain a text, as [number, offset of the line, text]; numbers count from 1.
 *
 * `next` is the offset to go on from, with `line` as the number of the line there; null: this was all.
 */
export interface LogMatches {
  matches: unknown[][];
  next: number | null;
  line: number;
  size: number;
}

/** Where the browser goes now; the login itself is in its cookie. */
export interface LoggedIn {
  next: string;
}

/** The caller's own login, where a browser asks. */
export interface Login {
  id: string;
  name: string;
  created_at: string;
  expires_at: string | null;
}

/** A link that logs one browser in, once. */
export interface LoginLink {
  url: string;
  expires_in_s: number;
}

/** What the login page offers. `oidc` is what its button says; null: there is none. */
export interface LoginWays {
  password: boolean;
  oidc: string | null;
}

/** The body of `POST /v1/files/details`: names in the folder `path` that a listing had no time for. */
export interface LookAtFiles {
  path: string;
  names: string[];
}

/** `jobs` may still run on its nodes when it begins. */
export interface MadeReservation {
  name: string;
  start: string;
  end: string;
  nodes: string[];
  users: string[];
  accounts: string[];
  maintenance: boolean;
  reason: string | null;
  created_by: string;
  created_at: string;
  jobs: number[];
}

/** A token as it is told once, with its secret. */
export interface MadeToken {
  id: string;
  name: string;
  user: string;
  kind: "token" | "browser";
  scope: "all" | "submit" | "read";
  account: string | null;
  created_at: string;
  used_at: string | null;
  expires_at: string | null;
  revoked_at: string | null;
  token: string;
}

/** The body of `POST /v1/files/folders`. */
export interface MakeFolder {
  path: string;
}

/**
 * The body of `POST /v1/reservations`: `nodes` (`n[1-4]`, a list), or `count` of them.
 *
 * From `start` (RFC 3339; now) to `end`, or for `duration_s`; for jobs of `users` and `accounts`, or for
 * none under `maintenance`.
 */
export interface MakeReservation {
  name: string;
  start?: string | null;
  end?: string | null;
  duration_s?: number | null;
  nodes?: string | string[] | null;
  count?: number | null;
  users?: string[];
  accounts?: string[];
  maintenance?: boolean;
  reason?: string;
}

/** The body of `POST /v1/nodes/{name}`: under `drain` what runs may end, `down` ends it. */
export interface MarkNode {
  state: "drain" | "down" | "up";
  reason?: string;
}

/**
 * Who asks, and what its pages need to know of the server.
 *
 * `rights` are those of `policy.rights`: what the role and the credential both give. `csrf` is sent as
 * `X-Launchyard-CSRF` with each write that the cookie vouches for. `session_host` is where a session is
 * shown, with `{id}` for its id; null: below `/session/ID/` of this address. Who asks for `/v1/events` with
 * `last_event` as `after` misses nothing of what happened since this answer.
 */
export interface Me {
  user: string;
  uid: number;
  admin: boolean;
  role: "user" | "coordinator" | "operator" | "administrator";
  coordinates: string[];
  rights: string[];
  mode: "one-user" | "machine";
  cluster: string;
  version: string;
  hosts: string[];
  session_host: string | null;
  last_event: string;
  csrf: string | null;
  login: Login | null;
}

/** The body of `POST /v1/files/move`: renames, also into another folder. */
export interface MoveFile {
  path: string;
  to: string;
  conflict?: "fail" | "keep" | "replace" | "skip";
}

/** The body of `POST /v1/login-links`: where in the portal the browser goes, such as `/jobs/17`. */
export interface NewLoginLink {
  next?: string;
}

/**
 * The body of `POST /v1/tokens`: what the token is for, in its owner's words, and how far it reaches.
 *
 * `scope`: `read` looks alone, `submit` also submits jobs and acts on them, `all` is as good as its user.
 * `account`: what it submits is charged to that account, and it acts on jobs of no other. It is good until
 * `expires_at` (RFC 3339), or for `lasts_s`; without either until it is revoked.
 */
export interface NewToken {
  name?: string;
  scope?: "all" | "submit" | "read";
  account?: string | null;
  expires_at?: string | null;
  lasts_s?: number | null;
}

/** A node, what of it is in use, and which reservation keeps it now. */
export interface Node {
  name: string;
  cluster: string;
  state: NodeState;
  reason: string | null;
  cpus: number;
  memory_mib: number;
  gpus: number;
  gpu_type: string | null;
  features: string[];
  reservation: string | null;
  used: NodeUsed;
}

/** All nodes. */
export interface NodeList {
  nodes: Node[];
}

/**
 * The data of an event of kind `node`: it came (`previous` null), went (`state` null) or is another one.
 *
 * What it is now, `GET /v1/nodes` tells; what is used of it moves with jobs.
 */
export interface NodeMoved {
  name: string;
  cluster: string;
  state: NodeState | null;
  previous: NodeState | null;
  reason: string | null;
  at: string;
}

/** `DRAIN`: what runs may end, nothing starts. `DOWN`: not answering. */
export type NodeState = "UP" | "DRAIN" | "DOWN";

/** What is allocated of a node; of a GPU in part use, that part. */
export interface NodeUsed {
  cpus: number;
  memory_mib: number;
  gpus: number;
  jobs: number;
}

/** A task of an array that did not complete. */
export interface NotCompleted {
  id: number;
  index: number;
  state: JobState;
  exit_code: number | null;
  signal: number | null;
  cause: string | null;
  started_at: string | null;
  ended_at: string | null;
}

/** One that is still there, and why. */
export interface NotDeleted {
  path: string;
  error: string;
}

/**
 * What is asked before a notebook is run as a batch job. `marked`: it has a cell with parameters.
 *
 * `problems` keep it from being run, `warnings` do not.
 */
export interface NotebookDetails {
  session: number;
  path: string;
  name: string;
  modified_at: string;
  open: boolean;
  unsaved: Unsaved;
  kernel: NotebookKernel | null;
  marked: boolean;
  parameters: NotebookParameter[];
  packages: LackedPackage[];
  warnings: string[];
  problems: string[];
  output: string;
  sweep_output: string;
  resources: Record<string, unknown>;
  time_limit_s: number | null;
}

/** A notebook of a session. `name` is its path below the session's directory, `made`: a run wrote it. */
export interface NotebookItem {
  path: string;
  name: string;
  modified_at: string;
  size: number;
  open: boolean;
  made: boolean;
  kernel_state: string | null;
  unsaved: Unsaved;
}

/** What it runs with. `python` null: it is no Python, or it was not found. `own`: that of the session. */
export interface NotebookKernel {
  name: string;
  title: string;
  language: string;
  python: string | null;
  own: boolean;
}

/**
 * The last edited first, and after all others those that runs wrote.
 *
 * `note` says what could not be looked at; null: nothing.
 */
export interface NotebookList {
  directory: string;
  notebooks: NotebookItem[];
  note: string | null;
}

/** One assignment of the cell with the tag `parameters`; `source` as it stands there. */
export interface NotebookParameter {
  name: string;
  kind: "truth" | "whole" | "number" | "text" | "list" | "table" | "other";
  source: string;
  value: unknown;
  help: string;
}

/** The body of `POST /v1/sessions/{id}/open`: where in the session the browser goes; its start without. */
export interface OpenSession {
  path?: string | null;
}

/** The body of `POST /v1/terminals`: in the job (or session) `job`, or else in the folder `path`. */
export interface OpenTerminal {
  job?: number | null;
  path?: string | null;
  rows?: number;
  cols?: number;
}

/** Where a browser is led to the session, in a frame or a tab: once, and within `expires_in_s`. */
export interface OpenedSession {
  url: string;
  expires_in_s: number | null;
}

/**
 * `host` is the machine that it runs on; `watched`: somebody looks at it now.
 *
 * `closes_at`: when it is hung up if nobody looks at it until then.
 */
export interface OpenedTerminal {
  id: string;
  title: string;
  host: string;
  job: number | null;
  path: string | null;
  opened_at: number;
  watched: boolean;
  closes_at: number | null;
}

/** How much of a package is here now. */
export interface PackageReceived {
  received: number;
  complete: boolean;
}

/** What is here of a package; `size` is not known before it is `complete`. */
export interface PackageStatus {
  name: string;
  size: number | null;
  received: number;
  complete: boolean;
}

/** A further part of a job, which starts at the same time as the others, on nodes of its own partition. */
export interface PartOfJob {
  partition?: string | null;
  resources?: Resources;
  metadata?: Record<string, string>;
}

/** How an earlier attempt ended; `state` is what the job would be, had it not been tried again. */
export interface Past {
  attempt: number;
  state: JobState;
  nodes: string[];
  started_at: string | null;
  ended_at: string | null;
  exit_code: number | null;
  signal: number | null;
  cause: string | null;
}

/** Where it is now; `skipped`: the name was taken, and it was left. */
export interface PlacedFile {
  path: string;
  skipped?: boolean;
}

/** What each part of a priority counts for; 0: nothing. */
export interface PriorityWeights {
  age: number;
  fairshare: number;
  job_size: number;
  partition: number;
  qos: number;
  site: number;
  nice: number;
  cpus: number;
  memory: number;
  gpus: number;
}

/** Any error (RFC 9457): `detail` is one sentence for people, `code` a stable word for programs. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
}

/** The whole table as its user wrote it, and the jobs of its lines; all of it is taken or none. */
export interface PutCrontab {
  text: string;
  lines: CrontabLine[];
}

/** The body of `PUT /v1/admin/policy`: TOML. `name` is what a sentence about its lines calls it. */
export interface PutRules {
  text: string;
  name?: string;
}

/** An interpreter of the caller's; `fix` is the command that makes it able to run notebooks. */
export interface Python {
  kind: "venv" | "conda" | "system";
  path: string;
  version: string;
  ipykernel: boolean;
  fix: string | null;
}

/** Interpreters, environments first. */
export interface PythonList {
  pythons: Python[];
}

/**
 * By column, one value a moment: seconds since the start, and what was used in the time up to then.
 *
 * `cpus` are processors, memory is in MiB, what was read and written in MiB a second; `gpus` are how many of
 * its GPUs were at work at that moment, in parts of one. Null where it was not measured.
 */
export interface Rates {
  at_s: number[];
  cpus: (number | null)[];
  memory_mib: (number | null)[];
  read_mib_s: (number | null)[];
  written_mib_s: (number | null)[];
  gpus: (number | null)[];
  gpu_memory_mib: (number | null)[];
}

/** By component; there is one. */
export interface RayActivities {
  driver: RayActivity;
}

/** Whether jobs run; times are seconds since 1970. */
export interface RayActivity {
  is_active: "ACTIVE" | "INACTIVE";
  reason: string | null;
  timestamp: number;
  last_activity_at: number | null;
}

/** The cookie is set. */
export interface RayAuthenticated {
  authenticated: true;
}

/** Which credential is asked for. */
export interface RayAuthenticationMode {
  authentication_mode: "token";
}

/** Its record is gone. */
export interface RayDeleted {
  deleted: true;
}

/**
 * The body of `POST /api/jobs/`. A null is as if the key were not there.
 *
 * `entrypoint` is a line for `/bin/sh`, `entrypoint_memory` in bytes. `job_id` is the older name of
 * `submission_id`. Keys of `metadata` that begin with `launchyard.`, and the key `launchyard` of the
 * `runtime_env`, say what Ray has no words for (docs/ray-jobs.md).
 */
export interface RayJob {
  entrypoint: string;
  submission_id?: string | null;
  job_id?: string | null;
  runtime_env?: Record<string, unknown>;
  metadata?: Record<string, string>;
  entrypoint_num_cpus?: number | null;
  entrypoint_num_gpus?: number | null;
  entrypoint_memory?: number | null;
  entrypoint_resources?: Record<string, number>;
  entrypoint_label_selector?: Record<string, string>;
}

/**
 * A job as Ray's clients read it. `start_time` is when it was submitted.
 *
 * A Ray cluster that clients attach to (`ly ray start`) is a DRIVER: it has a `job_id` and no
 * `submission_id`, and can be looked at only.
 */
export interface RayJobDetails {
  type: "SUBMISSION" | "DRIVER";
  job_id: string | null;
  submission_id: string | null;
  driver_info: Record<string, string> | null;
  status: "PENDING" | "RUNNING" | "STOPPED" | "SUCCEEDED" | "FAILED";
  entrypoint: string;
  message: string;
  error_type: string | null;
  start_time: number;
  end_time: number | null;
  metadata: Record<string, string>;
  runtime_env: Record<string, unknown>;
  driver_agent_http_address: string | null;
  driver_node_id: string | null;
  driver_exit_code: number | null;
  launchyard: RayOwn;
}

/** The whole log. */
export interface RayLogs {
  logs: string;
}

/** What we know of a job and Ray has no words for. `state` is ours, `start_time` when it began to run. */
export interface RayOwn {
  id: number;
  state: string;
  user: string;
  queue: string;
  start_time: number | null;
}

/** False: it had ended already. */
export interface RayStopped {
  stopped: boolean;
}

/** Both are the submission id. */
export interface RaySubmitted {
  job_id: string;
  submission_id: string;
}

/** What Ray's clients ask first. */
export interface RayVersion {
  version: string;
  ray_version: string;
  ray_commit: string;
  session_name: string;
}

/**
 * The body of `POST /v1/sessions/{id}/relaunch`: what is to be otherwise than it was.
 *
 * With `delete` the card of the one that was goes once the new one is there.
 */
export interface RelaunchSession {
  values?: Record<string, unknown>;
  name?: string | null;
  resources?: SessionResources;
  time_limit_s?: number | null;
  partition?: string | null;
  account?: string | null;
  qos?: string | null;
  working_dir?: string | null;
  idle_stop_s?: number | null;
  delete?: boolean;
}

/** Nodes kept for jobs of some users and accounts that name it, or for none under `maintenance`. */
export interface Reservation {
  name: string;
  start: string;
  end: string;
  nodes: string[];
  users: string[];
  accounts: string[];
  maintenance: boolean;
  reason: string | null;
  created_by: string;
  created_at: string;
}

/** Those that are not over, the first to begin first. */
export interface ReservationList {
  reservations: Reservation[];
}

/**
 * What is asked for in all. `cpus` may be a fraction; None is the cluster's default.
 *
 * A `memory_mib` of 0 is all memory of a node; `gpus` may be a part of one such as 0.5. With `tasks` all
 * is divided among so many tasks, spread over `nodes` to `nodes_max` nodes as they fit. `nodelist` and
 * `exclude` name nodes (`n[1-4]` or a list), `licences` how many of each.
 */
export interface Resources {
  cpus?: number | null;
  memory_mib?: number | null;
  gpus?: number;
  gpu_type?: string | null;
  nodes?: number | null;
  nodes_max?: number | null;
  tasks?: number | null;
  tasks_per_node?: number | null;
  exclusive?: boolean;
  constraint?: string | null;
  nodelist?: string | string[] | null;
  exclude?: string | string[] | null;
  licences?: Record<string, number> | null;
  reservation?: string | null;
}

/** How often it is tried again after which ends, and how often it was. */
export interface Retried {
  count: number;
  used: number;
  backoff_s: number;
  on: string[];
}

/** Values in the order of the columns asked for; times are seconds since 1970. */
export interface Rows {
  rows: unknown[][];
}

/** What was changed of one thing: some of its keys, or it was removed. */
export interface RuleChange {
  kind: string;
  name: string;
  account: string | null;
  keys: string[];
  removed: boolean;
}

/**
 * The rules of the queue as TOML, and as the same tables in JSON.
 *
 * `source` is `file` where they are those of the configuration file; else `changes` are what administrators
 * have changed of them, which goes before the file (empty for a coordinator).
 */
export interface RulesInForce {
  source: "file" | "run time";
  changes: RuleChange[];
  text: string;
  tables: Record<string, unknown>;
}

/**
 * A notebook of a session as a batch job, or with `sweep` as one task a combination of values.
 *
 * `parameters` are values by name, `sweep` such as `{"lr": "0.1,0.01", "seed": "1..10"}`. `packages` are
 * added to the session's environment; null: all that the kernel has and it lacks. `as_saved`: run what is
 * on the disk though a browser holds newer cells. What else is left out is as the session has it.
 */
export interface RunNotebook {
  notebook: string;
  parameters?: Record<string, unknown>;
  sweep?: Record<string, string>;
  packages?: string[] | null;
  as_saved?: boolean;
  output?: string | null;
  name?: string | null;
  resources?: Resources | null;
  time_limit_s?: number | null;
  partition?: string | null;
  account?: string | null;
  qos?: string | null;
  group?: string | null;
  throttle?: number | null;
  dry_run?: boolean;
}

/** The body of `POST /v1/sessions/{id}/save`: keep its settings under a name; empty: not any more. */
export interface SaveSession {
  name: string;
}

/** The body of `PUT /v1/files/text`; `version` is that of the text that was edited, null: a new file. */
export interface SaveText {
  path: string;
  text: string;
  version?: string | null;
}

/** What was kept of a session under a name: `settings` is what starts another one like it. */
export interface SavedSettings {
  name: string;
  session: number;
  settings: Record<string, unknown>;
}

/** What it is now. */
export interface SavedText {
  path: string;
  version: string;
}

/**
 * One session. Its id is its job's id; `job` is that job. `url` is the path of the app while it runs.
 *
 * `settings` is what `POST /v1/sessions` would take for another one like it. `phase` says what its set-up
 * does, `notice` that its node is closed for new work. `last_lines` are of its log, where it starts or has
 * failed.
 */
export interface Session {
  id: number;
  app: string;
  title: string;
  icon: string;
  name: string;
  owner: string;
  state: "queued" | "starting" | "running" | "stopping" | "ended" | "failed";
  reason: string | null;
  cause: string | null;
  phase: string | null;
  notice: string | null;
  last_lines: string[];
  steps: SessionStep[];
  values: Record<string, unknown>;
  settings: Record<string, unknown>;
  speaks: "http" | "rfb" | "terminal";
  url: string | null;
  submitted_at: string;
  started_at: string | null;
  answered_at: string | null;
  ended_at: string | null;
  ends_at: string | null;
  time_left_s: number | null;
  idle_stop_s: number | null;
  idle_since: string | null;
  idle_stop_at: string | null;
  estimate: EstimatedStart | null;
  sharers: string[];
  deleted: boolean;
  saved_as: string;
  job: Job;
}

/** An event of the kind `session`: something of it is otherwise now; ask for it to see. */
export interface SessionEvent {
  id: number;
  what: "state" | "phase" | "idle" | "time" | "ending" | "node" | "sharers" | "saved" | "deleted";
  state: "queued" | "starting" | "running" | "stopping" | "ended" | "failed";
  at: string;
}

/** Sessions, newest first. */
export interface SessionList {
  sessions: Session[];
}

/** What is asked for, as of a job; what is left out is as the app says, or as it was. */
export interface SessionResources {
  cpus?: number | null;
  memory_mib?: number | null;
  gpus?: number | null;
  gpu_type?: string | null;
  nodes?: number | null;
  exclusive?: boolean | null;
  constraint?: string | null;
  nodelist?: string[] | string | null;
  exclude?: string[] | string | null;
  licences?: Record<string, number> | null;
  reservation?: string | null;
}

/** One of the ticks of a session that starts. */
export interface SessionStep {
  name: "queued" | "environment" | "starting" | "answering";
  state: "waiting" | "active" | "done" | "skipped" | "failed";
  seconds: number | null;
}

/**
 * The body of `POST /v1/slurm/triggers`.
 *
 * `happenings` are of fini, time (with `job_id`), down, up, drained, idle, reconfig and
 * primary_slurmctld_resumed_operation; any of them sets it off. `nodes` is like `n[1-4]`, none are all;
 * with `job_id` they are those of the job. `command` is a program's full path and arguments; what it
 * happened to is one more.
 */
export interface SetTrigger {
  happenings: string[];
  command: string[];
  job_id?: number | null;
  nodes?: string | null;
  offset_s?: number;
  permanent?: boolean;
}

/** The body of `POST /v1/sessions/{id}/share`: who may open it beside its owner, and nobody else. */
export interface ShareSession {
  users: string[];
}

/**
 * The body of `POST /v1/jobs/{id}/signal`: a name or a number, and which processes get it.
 *
 * `batch` is the job's main process alone, `steps` those of its steps alone.
 */
export interface SignalJob {
  signal: string | number;
  target?: "all" | "batch" | "steps";
}

/** The body of `POST /v1/jobs/{id}/steps/{n}/signal`: a name or a number. */
export interface SignalStep {
  signal: string | number;
}

/**
 * What Slurm's commands say of this site: the version they report, its name, how long ended jobs show.
 *
 * `clusters` are those under this server, the default one first.
 */
export interface SlurmFacts {
  version: string;
  cluster: string;
  clusters: string[];
  min_job_age_s: number;
  max_array_size: number;
}

/** A change (`changes` by the names of an update) with which a waiting job starts at `start`. */
export interface Sooner {
  start: string;
  changes: Record<string, number | string>;
  command: string;
}

/**
 * The body of `POST /v1/sessions`. What is left out is as the app says.
 *
 * `values` are those of the app's own form. `runtime_env` is put to the environment of the app, as
 * `environment` (variables) to those of a login. An `idle_stop_s` of 0: never. `notify` is of `start`,
 * `end`, `fail` and `limit` (it ends or is stopped soon); `notify_to` are mail addresses, names of webhooks,
 * URLs.
 */
export interface StartSession {
  app: string;
  values?: Record<string, unknown>;
  name?: string | null;
  resources?: SessionResources;
  time_limit_s?: number | null;
  cluster?: string | null;
  partition?: string | null;
  account?: string | null;
  qos?: string | null;
  working_dir?: string | null;
  runtime_env?: Record<string, unknown>;
  environment?: Record<string, string>;
  idle_stop_s?: number | null;
  notify?: string[];
  notify_to?: string[];
  dry_run?: boolean;
}

/**
 * The body of `POST /v1/jobs/{id}/steps`; a runner a node connects to the unix socket `connect`.
 *
 * `nodes` is how many, `memory_mib` a node's, `gpus` are all of the step. Other steps get none of its CPUs
 * unless it overlaps or is not `exclusive`; with `cpus_per_task` 0 any number of tasks share what is there.
 * With `whole_nodes` it has all CPUs of the job on each of its nodes. `memory_per_cpu_mib` stands for
 * `memory_mib`; 0 is what a CPU of the job has.
 * `distribution` is block, cyclic, plane=4 or arbitrary (task i on the i-th name of `nodelist`). `group` is
 * the one of the job's unlike parts that is meant (0 is the first); with `parts` it has tasks in others too.
 */
export interface StartStep {
  tasks?: number | null;
  nodes?: number | null;
  nodelist?: string[] | null;
  tasks_per_node?: number | null;
  cpus_per_task?: number | null;
  memory_mib?: number | null;
  memory_per_cpu_mib?: number | null;
  whole_nodes?: boolean;
  gpus?: number | null;
  distribution?: string | null;
  connect: string;
  name?: string | null;
  overlap?: boolean;
  exclusive?: boolean;
  metadata?: Record<string, string>;
  group?: number;
  parts?: StepPart[];
}

/** A step as it was started. */
export interface StartedStep {
  step: number;
  job_id: number;
  task_of_array: TaskOf | null;
  nodes: StepNode[];
}

/** How the server is, and much more that depends on the engine; `jobs` counts live jobs by state. */
export interface Status {
  degraded: string | null;
  user: string;
  admin: boolean;
  jobs: Record<string, number>;
}

/** What a step has of one node; `tasks` are ranks, `cpu_ids` the machine's own numbers. */
export interface StepNode {
  node: string;
  position: number;
  tasks: number[];
  cpus: number;
  cpu_ids: number[];
  gpu_ids: number[];
  memory_mib: number;
  part: number;
}

/** What a step has in a further one of the job's unlike parts. */
export interface StepPart {
  tasks?: number | null;
  nodes?: number | null;
  nodelist?: string[] | null;
  tasks_per_node?: number | null;
  cpus_per_task?: number | null;
  memory_mib?: number | null;
  memory_per_cpu_mib?: number | null;
  whole_nodes?: boolean;
  gpus?: number | null;
  distribution?: string | null;
  group: number;
}

/**
 * One job or one array. Give either `command` (a string runs in a shell, a list as it is) or `script`.
 *
 * `array` is like `1-10:2%4,20`, `after` like `afterok:12:13,after:14+5` or `singleton`, `begin_at` and
 * `deadline_at` RFC 3339. `environment` left out is the bare one (HOME, USER, PATH ...); `login` puts to it
 * what the user has after logging in. `kind` is `driver` for a command that only holds what it is given for
 * a client. `parts` are further parts of a job whose first part has `partition`, `resources` and
 * `part_metadata`.
 */
export interface SubmitJob {
  kind?: "driver" | null;
  command?: string | string[] | null;
  script?: string | null;
  arguments?: string[];
  name?: string | null;
  account?: string | null;
  partition?: string | null;
  qos?: string | null;
  cluster?: string | null;
  group?: string | null;
  resources?: Resources;
  parts?: PartOfJob[];
  part_metadata?: Record<string, string>;
  time_limit_s?: number | null;
  time_min_s?: number | null;
  warning?: WarningSignal | null;
  array?: string | null;
  after?: string | null;
  keep_on_failed_dependency?: boolean;
  keep_beyond_limits?: boolean;
  begin_at?: string | null;
  deadline_at?: string | null;
  hold?: boolean;
  requeue?: boolean;
  retries?: TryAgain | null;
  nice?: number;
  working_dir?: string | null;
  environment?: Record<string, string> | null;
  login?: boolean;
  runtime_env?: Record<string, unknown> | null;
  stdin?: string | null;
  stdout?: string | null;
  stderr?: string | null;
  append?: boolean;
  terminal?: boolean;
  window?: Window;
  submission_id?: string | null;
  metadata?: Record<string, string>;
  dry_run?: boolean;
}

/** A job as it is answered to the one who submits it alone; `sooner` is told by a dry run. */
export interface SubmittedJob {
  id: number | null;
  name: string;
  kind: JobKind;
  user: string;
  account: string | null;
  partition: string;
  qos: string;
  cluster: string;
  engine_id: string | null;
  group: string | null;
  state: JobState;
  reason: string | null;
  cause: string | null;
  exit_code: number | null;
  signal: number | null;
  priority: number;
  resources: Asked;
  time_limit_s: number | null;
  submitted_at: string;
  started_at: string | null;
  ended_at: string | null;
  estimate: EstimatedStart | null;
  nodes: string[];
  array: ArrayPlace | null;
  submission_id: string | null;
  command: string | null;
  script: string | null;
  working_dir: string | null;
  log_path: string | null;
  url: string | null;
  metadata: Record<string, string>;
  attempt: number;
  usage: Used;
  stale_since: string | null;
  past_attempts: Past[];
  nice: number;
  requeue: boolean;
  requeues: number;
  retries: Retried | null;
  held: boolean;
  after: string | null;
  begin_at: string | null;
  deadline_at: string | null;
  time_min_s: number | null;
  parts: JobPart[];
  runtime_env: string | null;
  advice: Advice | null;
  sooner?: Sooner[];
}

/**
 * All tasks of an array: `indexes` as ranges, and of each of them in that order a letter of `letters`.
 *
 * `states` is empty where there are too many to draw. `not_completed` are the last ones that ended badly.
 */
export interface TaskGrid {
  job_id: number;
  size: number;
  indexes: string;
  states: string;
  letters: Record<string, JobState>;
  counts: Record<string, number>;
  not_completed: NotCompleted[];
}

/** The place of a job in its array. */
export interface TaskOf {
  job_id: number;
  index: number;
}

/** Percentages of an array's tasks, and the indexes of the lowest and the highest. */
export interface TaskSpread {
  median: number;
  lowest: number;
  lowest_task: number;
  highest: number;
  highest_task: number;
}

/** The tasks of an array that ended: `count` of them are looked at, the last ones. */
export interface TasksUsed {
  count: number;
  complete: boolean;
  cpu: TaskSpread | null;
  memory: TaskSpread | null;
  gpu: TaskSpread | null;
  time: TaskSpread | null;
}

/** `GET /v1/terminals`. */
export interface TerminalList {
  terminals: OpenedTerminal[];
}

/** `later`: it was not to begin yet. `until` is null while it goes on; `state`: how an attempt ended. */
export interface TimePart {
  name: "later" | "waited" | "environment" | "starting" | "ran";
  since: string | null;
  until: string | null;
  attempt: number | null;
  state: JobState | null;
}

/** What became of a job so far. */
export interface Timeline {
  parts: TimePart[];
  now: string;
}

/**
 * A credential without its secret: a token that somebody made, or the login of a browser.
 *
 * `used_at` is right to a minute after the server was killed.
 */
export interface Token {
  id: string;
  name: string;
  user: string;
  kind: "token" | "browser";
  scope: "all" | "submit" | "read";
  account: string | null;
  created_at: string;
  used_at: string | null;
  expires_at: string | null;
  revoked_at: string | null;
}

/** The caller's tokens and logins. */
export interface TokenList {
  tokens: Token[];
}

/** What the program that attends a session on its node says of the app; for its own use alone. */
export interface ToldSession {
  launch_id: string;
  what: "listens" | "answers" | "failed";
  sentence?: string | null;
  secret?: string | null;
  port?: number | null;
}

/**
 * What a dry run answers: a session that is not there, and what would start it sooner.
 *
 * It has all the keys of a `Session`; `id` is null.
 */
export interface TriedSession {
  id: null;
  app: string;
  values: Record<string, unknown>;
  reason: string | null;
  estimate: EstimatedStart | null;
  settings: Record<string, unknown>;
  job: Record<string, unknown>;
  sooner: Record<string, unknown>[];
}

/** A trigger as it is kept; `due`: it has happened, and the program is about to be run. */
export interface Trigger {
  id: number;
  user: string;
  uid: number;
  happenings: string[];
  command: string[];
  job_id: number | null;
  nodes: string;
  offset_s: number;
  permanent: boolean;
  due: boolean;
}

/** By id. */
export interface TriggerList {
  triggers: Trigger[];
}

/** `count` more attempts after one that ended as `on` says; the pause doubles, up to an hour. */
export interface TryAgain {
  count: number;
  backoff_s?: number;
  on?: string[];
}

/**
 * Whether a browser holds what the file does not. `likely`: cells ran after it was saved.
 *
 * `unknown`: it is open, and what is typed and neither run nor saved only the browser knows.
 */
export interface Unsaved {
  state: "yes" | "likely" | "unknown" | "no";
  sentence: string;
}

/**
 * The body of `POST /v1/jobs/{id}/update`; what is left out stays as it is.
 *
 * `after`, `deadline_at`, `constraint`, `nodelist`, `exclude` and `reservation` may be `""`, `licences`
 * may be `{}`: none any more. An empty value in `metadata` takes that key away; the others stay.
 */
export interface UpdateJob {
  name?: string | null;
  time_limit_s?: number | null;
  nice?: number | null;
  partition?: string | null;
  cpus?: number | null;
  memory_mib?: number | null;
  gpus?: number | null;
  gpu_type?: string | null;
  nodes?: number | null;
  nodes_max?: number | null;
  tasks?: number | null;
  tasks_per_node?: number | null;
  exclusive?: boolean | null;
  constraint?: string | null;
  nodelist?: string | string[] | null;
  exclude?: string | string[] | null;
  licences?: Record<string, number> | null;
  reservation?: string | null;
  begin_at?: string | null;
  array_throttle?: number | null;
  account?: string | null;
  qos?: string | null;
  after?: string | null;
  deadline_at?: string | null;
  metadata?: Record<string, string> | null;
  requeue?: boolean | null;
  stdout?: string | null;
  stderr?: string | null;
  working_dir?: string | null;
  time_min_s?: number | null;
}

/** How much is here now; once `complete`, under which path. */
export interface UploadReceived {
  received: number;
  complete: boolean;
  path: string;
  skipped?: boolean;
}

/** How much of an upload is here, and what has its name already. */
export interface UploadState {
  received: number;
  there: FileThere | null;
}

/** Accounts from the top down, each with its users. */
export interface UsageList {
  half_life_s: number | null;
  usage: UsageRow[];
}

/**
 * What an account (`user` is null) or a user in it has used, faded. `factor` is its place, 0 to 1;
 * `depth` says how many accounts it is below.
 */
export interface UsageRow {
  account: string | null;
  user: string | null;
  shares: number | null;
  shares_norm: number | null;
  usage_norm: number | null;
  level: number | null;
  factor: number | null;
  billed_hours: number;
  cpu_hours: number;
  gpu_hours: number;
  depth: number;
}

/**
 * What one attempt of a job used as time went by; `asked` what it held. `running`: there is more to come.
 *
 * With `follow` this is the first line of many, each a JSON text; the further ones are `{"more": Rates}`.
 */
export interface UsageSeries {
  attempt: number;
  started_at: string | null;
  running: boolean;
  asked: Record<string, number>;
  every_s: number;
  rates: Rates;
}

/** What the last attempt used. */
export interface Used {
  cpu_s: number | null;
  memory_peak_mib: number | null;
  read_mib: number | null;
  written_mib: number | null;
}

/** How much was used of how much, in the same unit. Null: not measured, or not asked for. */
export interface UsedPart {
  used: number | null;
  asked: number | null;
  percent: number | null;
}

/**
 * A signal (name or number) sent `before_s` seconds before the time limit.
 *
 * To all processes, to the main one (`batch`), or to those of the job's steps.
 */
export interface WarningSignal {
  signal?: string | number;
  before_s?: number;
  target?: "all" | "batch" | "steps";
}

/**
 * Why a job waits, or why it ended as it did. `code` is a stable word; `type` leads to what it means.
 *
 * Of a waiting job: nobody submitted after `overtaken_until` goes ahead of it; `sooner` is what would help.
 * Of an ended job: `line` is the line of its log that belongs to the cause, `command` one that helps,
 * `log_unread` why the log was not looked at.
 */
export interface Why {
  id: number;
  state: JobState;
  code: string | null;
  type: string | null;
  reason: string | null;
  estimate: EstimatedStart | null;
  record: HitRate | null;
  ahead: Ahead;
  overtaken_until: string | null;
  sooner: Sooner[];
  cause: string | null;
  exit_code: number | null;
  signal: number | null;
  line: string | null;
  command: string | null;
  log_unread: string | null;
}

/** How large the terminal is at the start, in characters. */
export interface Window {
  rows?: number;
  columns?: number;
}
