"""What the OpenAPI document says of a session's notebooks."""

from launchyard.api.describe import Description, answers, body, parameter, ref
from launchyard.wire import notebooks, shapes

_SESSION = parameter("job", "path", {"type": "integer", "minimum": 1}, "A session's id, which is its job's.")
_PATH = parameter("path", "query", {"type": "string"}, "Below the session's directory, or from the root.")

LIST: Description = {
    "summary": "The notebooks of a session, the last edited first; its owner's alone to see.",
    "parameters": [_SESSION],
    **answers(200, ref(notebooks.NotebookList), "The notebooks.", 400, 404, 409, 503),
}
SHOW: Description = {
    "summary": "A notebook of a session: its parameters, and what is to be known before it runs as a job.",
    "parameters": [
        _SESSION,
        _PATH,
    ],
    **answers(200, ref(notebooks.NotebookDetails), "The notebook.", 400, 403, 404, 409, 503),
}
RUN: Description = {
    "summary": "Run a notebook of a session as a batch job, once or with every combination of parameters.",
    "parameters": [_SESSION],
    **body(ref(notebooks.RunNotebook)),
    "responses": {
        **answers(201, ref(shapes.SubmittedJob), "The job.", 400, 404, 409, 413, 415, 422, 503, 507)[
            "responses"
        ],
        "200": {
            "description": "A dry run; `id` is null.",
            "content": {"application/json": {"schema": ref(shapes.SubmittedJob)}},
        },
    },
}
