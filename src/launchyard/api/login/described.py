"""What the OpenAPI document says of logging in."""

from typing import Any

from launchyard.api.describe import JSON, ref
from launchyard.wire import login

Description = dict[str, Any]


def _answers(status: int, schema: Description | None, what: str, *errors: int) -> Description:
    content = {} if schema is None else {"content": {JSON: {"schema": schema}}}
    refused = {str(one): {"$ref": f"#/components/responses/{one}"} for one in (403, 421, 500, *errors)}
    return {"responses": {str(status): {"description": what, **content}, **refused}}


def _body(cls: type) -> Description:
    return {"requestBody": {"required": True, "content": {JSON: {"schema": ref(cls)}}}}


LINK: Description = {
    "summary": "A link that logs one browser in as the caller, once and soon.",
    **_body(login.NewLoginLink),
    **_answers(201, ref(login.LoginLink), "The link.", 400, 401, 408, 413, 415),
}
LOG_IN: Description = {
    "summary": "Log this browser in; the answer sets its cookie.",
    "security": [],
    **_body(login.LogIn),
    **_answers(200, ref(login.LoggedIn), "Logged in.", 400, 401, 408, 413, 415, 429, 503, 507),
}
WAYS: Description = {
    "summary": "How a browser may log in, beside links.",
    "security": [],
    **_answers(200, ref(login.LoginWays), "The ways.", 400),
}
_NEXT = {
    "name": "next",
    "in": "query",
    "required": False,
    "schema": {"type": "string"},
    "description": "Where in the portal the browser goes then.",
}
OIDC: Description = {
    "summary": "Sends a browser to the OpenID Connect provider, to log in there.",
    "security": [],
    "parameters": [_NEXT],
    **_answers(303, None, "To the provider.", 400, 404, 503),
}
OIDC_BACK: Description = {
    "summary": "Where the provider sends the browser back to; it is logged in, or led to the login page.",
    "security": [],
    "responses": {
        "200": {"description": "Logged in; the page leads on.", "content": {"text/html": {}}},
        "303": {"description": "Refused; the login page says why."},
        **{str(one): {"$ref": f"#/components/responses/{one}"} for one in (421, 500, 503, 507)},
    },
}
LOG_OUT: Description = {
    "summary": "End the login of this browser, with all that it has open.",
    **_answers(200, ref(login.Token), "The login that has ended.", 400, 401, 503, 507),
}
OPEN: Description = {
    "summary": "Where a browser goes to be in the session: at a name of its own, or below /session/ID/.",
    "parameters": [
        {
            "name": "session",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": "^[1-9][0-9]*$"},
            "description": "The session's id, which is its job's.",
        }
    ],
    **_body(login.OpenSession),
    **_answers(200, ref(login.OpenedSession), "The address.", 400, 401, 404, 408, 409, 413, 415, 503),
}
ME: Description = {
    "summary": "Who asks, and what pages need to know of the server.",
    **_answers(200, ref(login.Me), "The caller.", 400, 401),
}
