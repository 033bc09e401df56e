"""What the OpenAPI document says of apps and sessions; as `describe`."""

from launchyard.api.describe import Description, answers, body, parameter, ref
from launchyard.wire import debugging, sessions

_TEXT: Description = {"type": "string"}
_ID = parameter("session", "path", {"type": "string", "pattern": "^[1-9][0-9]*$"}, "A session's id.")
_READ = (400, 404)
_WRITE = (400, 404, 408, 409, 413, 415, 422, 503, 507)
_KEY = parameter(
    "Idempotency-Key",
    "header",
    {"type": "string", "maxLength": 255},
    "The same request with the same key again answers the same and makes nothing new.",
)

APPS: Description = {
    "summary": "The apps that the caller can start, with their forms.",
    **answers(200, ref(sessions.AppList), "The apps.", 400, 503),
}
APP: Description = {
    "summary": "One app.",
    "parameters": [parameter("app", "path", _TEXT, "The app's name.")],
    **answers(200, ref(sessions.App), "The app.", 400, 404, 503),
}
PYTHONS: Description = {
    "summary": "The Pythons of the caller: environments found, and the one that a shell finds.",
    "parameters": [parameter("dir", "query", _TEXT, "A folder to look in beside the home directory.")],
    **answers(200, ref(sessions.PythonList), "The interpreters.", 400, 503),
}
LIST: Description = {
    "summary": "Sessions of the caller, and those shared with the caller, newest first.",
    "parameters": [
        parameter("state", "query", _TEXT, "Only those in this state; may be given several times."),
        parameter("app", "query", _TEXT, "Only those of this app."),
        parameter("live", "query", {"type": "boolean"}, "Only those that have not ended."),
    ],
    **answers(200, ref(sessions.SessionList), "The sessions.", 400),
}
SHOW: Description = {
    "summary": "One session.",
    "parameters": [_ID],
    **answers(200, ref(sessions.Session), "The session.", *_READ),
}
START: Description = {
    "summary": "Start a session of an app. With `dry_run` nothing is started and `id` is null.",
    "parameters": [_KEY],
    **body(ref(sessions.StartSession)),
    "responses": {
        **answers(201, ref(sessions.Session), "The session; it is durable.", *_WRITE)["responses"],
        "200": {
            "description": "A dry run.",
            "content": {"application/json": {"schema": ref(sessions.TriedSession)}},
        },
    },
}
RELAUNCH: Description = {
    "summary": "Start another session like one that was, with changes.",
    "parameters": [_ID, _KEY],
    **body(ref(sessions.RelaunchSession)),
    **answers(201, ref(sessions.Session), "The new session.", *_WRITE),
}
STOP: Description = {
    "summary": "End a session; its card stays.",
    "parameters": [_ID],
    **answers(200, ref(sessions.Session), "The session as it is now.", 400, 404, 409, 503, 507),
}
EXTEND: Description = {
    "summary": "Give a running session more time, as far as limits allow.",
    "parameters": [_ID],
    **body(ref(sessions.ExtendSession)),
    **answers(200, ref(sessions.Session), "The session as it is now.", *_WRITE),
}
DEBUG: Description = {
    "summary": "Start a session in the directory of a job, with its variables, packages and resources.",
    "parameters": [
        parameter("job", "path", {"type": "string", "pattern": "^[1-9][0-9]*(_[0-9]+)?$"}, "A job's id."),
        _KEY,
    ],
    **body(ref(debugging.DebugJob)),
    **answers(201, ref(sessions.Session), "The session; it is durable.", *_WRITE),
}
SHARE: Description = {
    "summary": "Let some users open a session of the caller's, and no others; an empty list: nobody.",
    "parameters": [_ID],
    **body(ref(sessions.ShareSession)),
    **answers(200, ref(sessions.Session), "The session as it is now.", *_WRITE),
}
SAVE: Description = {
    "summary": "Keep what a session was asked for with under a name, for further ones.",
    "parameters": [_ID],
    **body(ref(sessions.SaveSession)),
    **answers(200, ref(sessions.Session), "The session as it is now.", *_WRITE),
}
TOLD: Description = {
    "summary": "What the program that attends a session on its node says; for its own use alone.",
    "parameters": [_ID],
    **body(ref(sessions.ToldSession)),
    **answers(200, {"type": "object"}, "It is durable.", *_WRITE),
}
DELETE: Description = {
    "summary": "Delete the card of a session that has ended; accounting keeps the job.",
    "parameters": [_ID],
    **answers(200, ref(sessions.Session), "The session as it was.", 400, 404, 409, 503, 507),
}
