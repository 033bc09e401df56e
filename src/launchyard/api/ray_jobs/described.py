"""What the OpenAPI document says of the Ray Jobs API. Errors here are one sentence of plain text."""

from launchyard.api.describe import UPLOAD, Description, answers, body, parameter, ref, socket
from launchyard.wire import rayjobs

_TEXT: Description = {"type": "string"}
_KEY = parameter(
    "Idempotency-Key",
    "header",
    {"type": "string", "maxLength": 255},
    "The same request with the same key again answers the same and makes nothing new.",
)
_ID = parameter("submission", "path", _TEXT, "The submission id.")


def _plain(description: Description) -> Description:
    """The same, with errors as the text that Ray's clients print."""
    told = {
        status: {"description": "One sentence.", "content": {"text/plain": {"schema": _TEXT}}}
        if status >= "400"
        else answer
        for status, answer in description["responses"].items()
    }
    return {**description, "responses": told}


def _job(summary: str, answered: type, *errors: int) -> Description:
    return _plain(
        {"summary": summary, "parameters": [_ID], **answers(200, ref(answered), "Done.", 404, *errors)}
    )


VERSION = _plain(
    {
        "summary": "Which version of Ray to be compatible with.",
        **answers(200, ref(rayjobs.RayVersion), "The version."),
    }
)
SUBMIT = _plain(
    {
        "summary": "Submit a job as Ray's clients do.",
        "parameters": [_KEY],
        **body(ref(rayjobs.RayJob)),
        **answers(200, ref(rayjobs.RaySubmitted), "It is durable.", 400, 404, 408, 409, 413, 422, 503, 507),
    }
)
LIST = _plain(
    {
        "summary": "All jobs of the caller with a submission id, newest first, then the drivers.",
        **answers(200, {"type": "array", "items": ref(rayjobs.RayJobDetails)}, "The jobs."),
    }
)
SHOW = _job("One job.", rayjobs.RayJobDetails)
STOP = _job("Stop a job that waits or runs.", rayjobs.RayStopped, 400, 503, 507)
DELETE = _job("Delete the record of a job that has ended.", rayjobs.RayDeleted, 400, 409, 503, 507)
LOGS = _job("All that a job printed.", rayjobs.RayLogs, 400, 409)
TAIL = _plain(
    socket(
        "Follow what a job prints, from the beginning: text messages, closed with 1000 once the job has "
        "ended and all was sent.",
        _ID,
        errors=(400, 404),
    )
)
ACTIVITIES = _plain(
    {
        "summary": "Whether the caller's jobs wait or run.",
        **answers(200, ref(rayjobs.RayActivities), "What is active."),
    }
)
AUTHENTICATION_MODE = {
    "summary": "Which credential is asked for. Open to everybody.",
    "security": [],
    **answers(200, ref(rayjobs.RayAuthenticationMode), "The mode."),
}
AUTHENTICATE = _plain(
    {
        "summary": "Trade a token for the cookie `ray-authentication-token`.",
        **answers(200, ref(rayjobs.RayAuthenticated), "The cookie is set."),
    }
)

_PACKAGE = [
    parameter("protocol", "path", {"type": "string", "enum": ["gcs"]}, "What Ray's clients call the store."),
    parameter("name", "path", _TEXT, "The name that the client made."),
]
_EMPTY = {"type": "string", "maxLength": 0}

PACKAGE = _plain(
    {
        "summary": "Whether a package of Ray's client is here: an empty answer.",
        "parameters": _PACKAGE,
        **answers(200, _EMPTY, "It is.", 404, media_type="text/plain"),
    }
)
PACKAGE_PUT = _plain(
    {
        "summary": "Send a package as Ray's client does: an empty answer.",
        "parameters": _PACKAGE,
        **UPLOAD,
        **answers(200, _EMPTY, "It is here.", 400, 404, 408, 413, 422, 503, 507, media_type="text/plain"),
    }
)
