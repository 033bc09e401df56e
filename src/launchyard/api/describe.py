"""What the OpenAPI document says of each route: bodies, answers, errors, parameters; references by name.

The schemas that the names stand for are made in `openapi`, and only when somebody asks for the document.
"""

from collections.abc import Sequence
from typing import Any

from launchyard.wire import (
    acts,
    crontabs,
    login,
    orders,
    packages,
    shapes,
    steps,
    submit,
    tableshapes,
    triggers,
)

Description = dict[str, Any]

JSON = "application/json"


def ref(cls: type) -> Description:
    """The schema of one of our dataclasses, by name."""
    return {"$ref": f"#/components/schemas/{cls.__name__}"}


def _content(schema: Description, media_type: str = JSON) -> Description:
    return {media_type: {"schema": schema}}


def _answers(ok: int, schema: Description, what: str, *errors: int, media_type: str = JSON) -> Description:
    responses: Description = {str(ok): {"description": what, "content": _content(schema, media_type)}}
    for status in (401, 403, 421, 500, *errors):
        responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return {"responses": responses}


def _parameter(name: str, where: str, schema: Description, what: str) -> Description:
    return {"name": name, "in": where, "required": where == "path", "schema": schema, "description": what}


def _body(schema: Description) -> Description:
    return {"requestBody": {"required": True, "content": _content(schema)}}


_TEXT: Description = {"type": "string"}
_WHOLE: Description = {"type": "integer"}
_FLAG: Description = {"type": "boolean"}
_BYTES: Description = {"type": "string", "format": "binary"}
_JOB_ID = _parameter(
    "job",
    "path",
    {"type": "string", "pattern": "^[1-9][0-9]*(_[0-9]+)?$"},
    "A job's id; `12_3` is task 3 of array 12.",
)

SUBMIT: Description = {
    "summary": "Submit one job (or one array), or a list of up to 1,000 with one result an item.",
    "parameters": [
        _parameter(
            "Idempotency-Key",
            "header",
            {"type": "string", "maxLength": 255},
            "The same request with the same key again answers the same and makes nothing new.",
        )
    ],
    **_body(
        {
            "oneOf": [
                ref(submit.SubmitJob),
                {"type": "array", "items": ref(submit.SubmitJob), "minItems": 1, "maxItems": 1000},
            ]
        }
    ),
    "responses": {
        **_answers(
            201,
            {"oneOf": [ref(shapes.SubmittedJob), {"type": "array", "items": ref(shapes.Job)}]},
            "What was made; it is durable.",
            *(400, 408, 409, 413, 415, 422, 503, 507),
        )["responses"],
        "200": {"description": "A dry run; `id` is null.", "content": _content(ref(shapes.SubmittedJob))},
        "207": {
            "description": "Of a list, at least one item was refused.",
            "content": _content(
                {"type": "array", "items": {"oneOf": [ref(shapes.Job), ref(shapes.ItemError)]}}
            ),
        },
    },
}

LIST: Description = {
    "summary": "List jobs, newest first: the caller's own (administrators: everybody's).",
    "parameters": [
        _parameter("state", "query", _TEXT, "States with commas between them, such as `PENDING,RUNNING`."),
        _parameter("user", "query", _TEXT, "Whose jobs."),
        _parameter("name", "query", _TEXT, "Jobs of exactly this name."),
        _parameter("partition", "query", _TEXT, "Jobs of this partition."),
        _parameter("cluster", "query", _TEXT, "Jobs on this cluster."),
        _parameter("group", "query", _TEXT, "Jobs of this group, and the tasks of its arrays."),
        _parameter("engine_id", "query", _TEXT, "Jobs that their engine knows by this id, such as Slurm's."),
        _parameter("array", "query", _WHOLE, "The tasks of this array that have split off."),
        _parameter("ids", "query", _TEXT, "Only these, up to 500 with commas between them."),
        _parameter("since", "query", _TEXT, "Submitted or ended since then (RFC 3339 or seconds)."),
        _parameter("limit", "query", {**_WHOLE, "minimum": 1, "maximum": 10000, "default": 100}, "How many."),
        _parameter("cursor", "query", _TEXT, "`next` of the page before."),
    ],
    **_answers(200, ref(shapes.JobPage), "A page of jobs.", 400),
}

SHOW: Description = {
    "summary": "One job.",
    "parameters": [_JOB_ID],
    **_answers(200, ref(shapes.Job), "The job.", 400, 404),
}

WHY: Description = {
    "summary": "Why a job waits and when it may start, or why it ended as it did.",
    "parameters": [_JOB_ID],
    **_answers(200, ref(shapes.Why), "The reason.", 400, 404),
}

EFFICIENCY: Description = {
    "summary": "What a job used of what it asked for, and what to ask for next time.",
    "parameters": [_JOB_ID],
    **_answers(200, ref(shapes.JobEfficiency), "Used of asked.", 400, 404),
}

EFFICIENCIES: Description = {
    "summary": "What ended jobs used of what they asked for: the caller's own (administrators: everybody's).",
    "parameters": [
        _parameter("since", "query", _TEXT, "Ended since then (RFC 3339 or seconds since 1970)."),
        _parameter("user", "query", _TEXT, "Whose jobs."),
        _parameter("name", "query", _TEXT, "Jobs of exactly this name."),
    ],
    **_answers(200, ref(shapes.EfficiencyList), "Used of asked.", 400),
}

SCRIPT: Description = {
    "summary": "The script of a batch job, as it was submitted.",
    "parameters": [_JOB_ID],
    **_answers(200, _TEXT, "The script.", 400, 404, media_type="text/plain"),
}

RUNTIME_ENV: Description = {
    "summary": "The runtime environment of a job, as it was submitted; its owner's alone to see.",
    "parameters": [_JOB_ID],
    **_answers(200, {"type": "object"}, "The runtime environment.", 400, 404),
}

_STREAMS = ("stdout", "stderr", "setup")

LOGS: Description = {
    "summary": "The output of a job; header `Launchyard-Next-Offset` is where to go on.",
    "parameters": [
        _JOB_ID,
        _parameter("stream", "query", {"enum": [*_STREAMS], "default": "stdout"}, "Which output."),
        _parameter("offset", "query", {**_WHOLE, "default": 0}, "Where to begin; negative: from the end."),
        _parameter("limit", "query", {**_WHOLE, "minimum": 1}, "How many bytes; left out: to the end."),
        _parameter("follow", "query", _FLAG, "Go on until the job has ended and all was read."),
    ],
    **_answers(200, _BYTES, "Bytes.", 400, 404, 409, media_type="application/octet-stream"),
}

_OWN_PACKAGE = _parameter(
    "name",
    "path",
    {"type": "string", "pattern": r"^[0-9a-f]{64}\.(zip|tar\.gz|tgz|tar\.xz|whl)$"},
    "The SHA-256 of its content, and what kind of file it is.",
)
UPLOAD: Description = {
    "requestBody": {"required": True, "content": _content(_BYTES, "application/octet-stream")}
}

PACKAGE: Description = {
    "summary": "How much of one of your packages is here.",
    "parameters": [_OWN_PACKAGE],
    **_answers(200, ref(packages.PackageStatus), "What is here.", 400, 404),
}
PACKAGE_PUT: Description = {
    "summary": "Send a package, or by Content-Range what is missing; on the disk when this answers.",
    "parameters": [
        _OWN_PACKAGE,
        _parameter("Content-Range", "header", _TEXT, "`bytes FIRST-LAST/TOTAL`, from `received` on."),
    ],
    **UPLOAD,
    **_answers(200, ref(packages.PackageReceived), "What is here now.", 400, 404, 408, 409, 413, 422, 507),
}

NODES: Description = {"summary": "All nodes.", **_answers(200, ref(shapes.NodeList), "The nodes.", 400)}

JOB_TABLE: Description = {
    "summary": "Some columns of all live jobs, as rows: for programs that show very many.",
    "parameters": [
        _parameter("columns", "query", _TEXT, "Names of columns with commas between them; all by default."),
        _parameter("user", "query", _TEXT, "Whose jobs."),
        _parameter("users", "query", _TEXT, "Whose jobs: names or user ids with commas between them."),
        _parameter("ids", "query", _TEXT, "Only these, an array with its tasks; with commas between them."),
        _parameter("states", "query", _TEXT, "States with commas between them, such as `PENDING,RUNNING`."),
        _parameter("partitions", "query", _TEXT, "In which partitions."),
        _parameter("clusters", "query", _TEXT, "On which clusters."),
        _parameter("recent", "query", _FLAG, "Also jobs that ended a short while ago."),
        _parameter("by_column", "query", _FLAG, "A list a column, and once what is the same in all."),
    ],
    **_answers(200, {"anyOf": [ref(shapes.Rows), ref(tableshapes.Columns)]}, "The rows.", 400),
}

SLURM: Description = {
    "summary": "What Slurm's commands say of this site.",
    **_answers(200, ref(tableshapes.SlurmFacts), "The settings.", 400),
}

WEIGHTS: Description = {
    "summary": "What each part of a waiting job's priority counts for, as sprio shows it.",
    **_answers(200, ref(tableshapes.PriorityWeights), "The weights.", 400),
}

ACCOUNTING_TABLE: Description = {
    "summary": "Some columns of all jobs that waited, ran or ended in a span of time, or of jobs by id.",
    "parameters": [
        _parameter("columns", "query", _TEXT, "Names of columns with commas between them; all by default."),
        _parameter("since", "query", _TEXT, "Only jobs that had not ended before; RFC 3339 or seconds."),
        _parameter("until", "query", _TEXT, "Only jobs that were submitted before; RFC 3339 or seconds."),
        _parameter("ids", "query", _TEXT, "Only these, an array with its tasks: 12, or 12_3, with commas."),
        _parameter("users", "query", _TEXT, "Whose jobs: names or user ids with commas between them."),
        _parameter("accounts", "query", _TEXT, "Of which accounts."),
        _parameter("partitions", "query", _TEXT, "In which partitions."),
        _parameter("clusters", "query", _TEXT, "On which clusters."),
        _parameter("names", "query", _TEXT, "With which names."),
    ],
    **_answers(200, ref(shapes.Rows), "The rows.", 400),
}

STEP_TABLE: Description = {
    "summary": "Some columns of steps of jobs, as rows: those that run and those that ended.",
    "parameters": [
        _parameter("columns", "query", _TEXT, "Names of columns with commas between them; all by default."),
        _parameter("job", "query", _TEXT, "Of these jobs (`12`, `12_3`), with commas; `jobs` says the same."),
        _parameter("since", "query", _TEXT, "Only those that had not ended before; RFC 3339 or seconds."),
        _parameter("state", "query", _TEXT, "States with commas between them, such as `RUNNING`."),
        _parameter("user", "query", _TEXT, "Whose jobs."),
    ],
    **_answers(200, ref(shapes.Rows), "The rows.", 400),
}

_STEP = _parameter("step", "path", _WHOLE, "The step's number; they count from 0 in each attempt.")

START_STEP: Description = {
    "summary": "Start a step in a running job: a process on each of its nodes connects to a socket.",
    "parameters": [_JOB_ID],
    **_body(ref(steps.StartStep)),
    **_answers(201, ref(steps.StartedStep), "The step.", 400, 404, 409, 413, 415, 422, 503, 507),
}

FREED_STEP: Description = {
    "summary": "Wait until a step of the job ends: for who was told that other steps hold what is asked for.",
    "parameters": [_JOB_ID, _parameter("within_s", "query", _WHOLE, "For how long; 10 at most.")],
    **_answers(200, ref(steps.Freed), "Whether one has ended; at once where none runs.", 400, 404),
}

SIGNAL_STEP: Description = {
    "summary": "Send a signal to a step.",
    "parameters": [_JOB_ID, _STEP],
    **_body(ref(steps.SignalStep)),
    **_answers(200, ref(steps.StartedStep), "The step.", 400, 404, 415, 503),
}

CANCEL_STEP: Description = {
    "summary": "End a step; its job goes on.",
    "parameters": [_JOB_ID, _STEP],
    **_answers(200, ref(steps.StartedStep), "The step.", 400, 404, 503, 507),
}

_COLUMNS = _parameter("columns", "query", _TEXT, "Names of columns with commas between them; all by default.")


def _table(of: str) -> Description:
    return {
        "summary": f"Some columns of all {of}, as rows.",
        "parameters": [_COLUMNS],
        **_answers(200, ref(shapes.Rows), "The rows.", 400),
    }


NODE_TABLE, PARTITION_TABLE = _table("nodes"), _table("partitions")
RESERVATION_TABLE, LICENCE_TABLE = _table("reservations"), _table("licences")

COUNTERS: Description = {
    "summary": "What the server has done since it began: jobs by what became of them, planning passes.",
    **_answers(200, {"type": "object"}, "The counters; times are seconds.", 400),
}

SLURM_CONFIG: Description = {
    "summary": "What `scontrol show config` tells of the site.",
    **_answers(200, {"type": "object"}, "The facts; times are seconds.", 400),
}

RESET_COUNTERS: Description = {
    "summary": "Set the counters back (administrators).",
    **_answers(200, {"type": "object"}, "Since when they count.", 400),
}

USAGE_TABLE: Description = {
    "summary": "What running jobs use now; jobs that use nothing or are not known are left out.",
    "parameters": [
        _parameter("columns", "query", _TEXT, "Names of columns with commas between them; all by default."),
        _parameter("ids", "query", _TEXT, "Only these, an array with its tasks: 12, or 12_3, with commas."),
    ],
    **_answers(200, ref(shapes.Rows), "The rows.", 400),
}

MARK_NODE: Description = {
    "summary": "Drain a node, or take it back (administrators).",
    "parameters": [_parameter("name", "path", _TEXT, "The node's name.")],
    **_body(ref(orders.MarkNode)),
    **_answers(200, ref(shapes.Node), "The node.", 400, 404, 415, 503),
}

DOCUMENT: Description = {
    "summary": "This document.",
    **_answers(200, {"type": "object"}, "The document."),
}


def socket(summary: str, *parameters: Description, errors: Sequence[int]) -> Description:
    """A WebSocket: OpenAPI knows the request that opens it, and what is said where it is refused."""
    told = _answers(101, _TEXT, "", *errors)["responses"]
    told["101"] = {"description": "A WebSocket; the summary says what goes over it."}
    return {"summary": summary, "parameters": list(parameters), "responses": told}


TERMINAL = socket(
    "Attach to a job's terminal. Binary messages are bytes, text messages JSON: `rows` and `cols`, or "
    "`signal`; before it closes comes `exit_code` and `signal`.",
    _JOB_ID,
    errors=(400, 404, 409),
)
SHELL = socket(
    "Open a shell in a running job; messages as of its terminal.",
    _JOB_ID,
    _parameter("command", "query", {"type": "array", "items": _TEXT}, "The command's words; none: a shell."),
    errors=(400, 404, 409),
)
RAY = socket(
    "A connection to the Ray Client port of a running job that has a Ray cluster, for its owner. First comes "
    'a line `launchyard-ray {"ray", "python"}` that says which Ray it is; then bytes go both ways.',
    _JOB_ID,
    errors=(400, 404, 409),
)

HEALTH: Description = {
    "summary": "Whether the server takes work. Open to everybody.",
    "security": [],
    "responses": {
        "200": {"description": "It does.", "content": _content(ref(shapes.Health))},
        "503": {
            "description": "It cannot make anything durable now.",
            "content": _content(ref(shapes.Health)),
        },
    },
}

STATUS: Description = {
    "summary": "How the server is.",
    **_answers(200, ref(shapes.Status), "The status.", 400),
}

RESERVATIONS: Description = {
    "summary": "Nodes kept for a time.",
    **_answers(200, ref(shapes.ReservationList), "The reservations.", 400),
}

MAKE_RESERVATION: Description = {
    "summary": "Keep nodes for some users, or for maintenance (administrators).",
    **_body(ref(orders.MakeReservation)),
    **_answers(201, ref(shapes.MadeReservation), "The reservation.", 400, 409, 413, 415, 422, 503, 507),
}

DELETE_RESERVATION: Description = {
    "summary": "Delete a reservation; its nodes are open at once (administrators).",
    "parameters": [_parameter("name", "path", _TEXT, "The reservation's name.")],
    **_answers(200, ref(shapes.Reservation), "The deleted reservation.", 400, 404, 503, 507),
}

CRONTAB: Description = {
    "summary": "The caller's crontab.",
    **_answers(200, ref(crontabs.CrontabText), "The table.", 400, 404),
}

PUT_CRONTAB: Description = {
    "summary": "Put another crontab in the place of the caller's, as a whole or not at all.",
    **_body(ref(crontabs.PutCrontab)),
    **_answers(201, ref(crontabs.CrontabJobs), "Its jobs.", 400, 409, 413, 415, 422, 503, 507),
}

REMOVE_CRONTAB: Description = {
    "summary": "Remove the caller's crontab; its waiting jobs end.",
    **_answers(200, ref(crontabs.CrontabJobs), "No jobs.", 400, 404, 503, 507),
}

TRIGGERS: Description = {
    "summary": "Programs that are run once something has happened: the caller's, for administrators all.",
    **_answers(200, ref(triggers.TriggerList), "The triggers, by id.", 400),
}

SET_TRIGGER: Description = {
    "summary": "Run a program as the caller once something has happened to a job, to nodes or to the server.",
    **_body(ref(triggers.SetTrigger)),
    **_answers(201, ref(triggers.Trigger), "The trigger.", 400, 404, 409, 413, 415, 503, 507),
}

CLEAR_TRIGGERS: Description = {
    "summary": "Take away the triggers that fit all that is given.",
    "parameters": [
        _parameter("id", "query", _WHOLE, "The one with this id."),
        _parameter("job", "query", _WHOLE, "Those of this job."),
        _parameter("uid", "query", _WHOLE, "Those of this user."),
    ],
    **_answers(200, ref(triggers.TriggerList), "Those that are left.", 400, 404, 503, 507),
}

RULES: Description = {
    "summary": "The rules of the queue: partitions, QOS, accounts, users, scheduler (administrators).",
    **_answers(200, ref(shapes.RulesInForce), "The rules in force.", 400),
}

PUT_RULES: Description = {
    "summary": "Put other rules in force, as a whole or not at all (administrators).",
    **_body(ref(orders.PutRules)),
    **_answers(200, ref(shapes.RulesInForce), "The rules in force.", 400, 413, 415, 503, 507),
}

CHANGE_RULES: Description = {
    "summary": "Change or remove one account, user, QOS or partition, or the scheduler (administrators).",
    **_body(ref(orders.ChangeRules)),
    **_answers(200, ref(shapes.RulesInForce), "The rules in force.", 400, 404, 409, 415, 503, 507),
}

RELOAD_RULES: Description = {
    "summary": "Read the rules of the file again; what was changed goes before it (administrators).",
    "parameters": [_parameter("forget", "query", _FLAG, "Take back what was changed while the server ran.")],
    **_answers(200, ref(shapes.RulesInForce), "The rules in force.", 400, 503, 507),
}

USAGE: Description = {
    "summary": "Who used what, with shares and fair-share factors; the caller's own but for administrators.",
    "parameters": [
        _parameter("account", "query", _TEXT, "This account and its users."),
        _parameter("user", "query", _TEXT, "This user."),
    ],
    **_answers(200, ref(shapes.UsageList), "The usage.", 400, 404),
}

CREATE_TOKEN: Description = {
    "summary": "Make a token for the caller; its secret is told this once.",
    **_body(ref(orders.NewToken)),
    **_answers(201, ref(login.MadeToken), "The token.", 400, 409, 415, 422, 503, 507),
}

TOKENS: Description = {
    "summary": "The caller's tokens (administrators: everybody's).",
    **_answers(200, ref(login.TokenList), "The tokens.", 400),
}

REVOKE_TOKEN: Description = {
    "summary": "Revoke a token; it is useless at once, also where it is in use now.",
    "parameters": [_parameter("token", "path", _TEXT, "The token's id.")],
    **_answers(200, ref(login.Token), "The revoked token.", 400, 404, 503, 507),
}

ASSOCIATIONS: Description = {
    "summary": "Accounts, users in them and QOS, as the rules in force have them.",
    **_answers(200, {"type": "object"}, "Tables of plain values.", 400),
}
ACTS: Description = {
    "summary": "Do one thing to many jobs; each has a result of its own.",
    **_body(ref(acts.ActOnJobs)),
    **_answers(200, ref(acts.ActResults), "The results, in the order asked for.", 400, 413, 415, 503, 507),
}


def act(summary: str, body: type | None = None) -> Description:
    """An action on a job."""
    return {
        "summary": summary,
        "parameters": [_JOB_ID],
        **(_body(ref(body)) if body is not None else {}),
        **_answers(200, ref(shapes.Job), "The job as it is now.", 400, 404, 409, 415, 422, 503, 507),
    }


answers, body, parameter = _answers, _body, _parameter
"""For descriptions that are kept elsewhere."""
