"""What the OpenAPI document says of files and of terminals that outlive their browser; as `describe`."""

from launchyard.api.describe import UPLOAD as BYTES_IN
from launchyard.api.describe import Description, answers, body, parameter, ref, socket
from launchyard.wire import files, terminals

_TEXT: Description = {"type": "string"}
_WHOLE: Description = {"type": "integer", "minimum": 0, "maximum": 2**50}
_FLAG: Description = {"type": "boolean"}
_BYTES: Description = {"type": "string", "format": "binary"}
_PATH = parameter("path", "query", _TEXT, "An absolute path, or one that begins with `~`.")
_NUMBER = parameter(
    "number",
    "query",
    {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "Of the client's making; the same one goes on with the same upload.",
)
_ERRORS = (400, 404, 409, 503, 507)
_BODY_ERRORS = (*_ERRORS, 408, 413, 415)

FOLDER: Description = {
    "summary": "What is in a folder of yours; without a path, in your home.",
    "parameters": [_PATH],
    **answers(200, ref(files.FolderListing), "The folder.", *_ERRORS),
}
DETAILS: Description = {
    "summary": "Sizes and times of names in a folder of yours that its listing had no time for.",
    **body(ref(files.LookAtFiles)),
    **answers(200, ref(files.FileRows), "Their rows.", *_BODY_ERRORS),
}
ABOUT: Description = {
    "summary": "What a path of yours is.",
    "parameters": [_PATH],
    **answers(200, ref(files.FileFacts), "The facts.", *_ERRORS),
}
PREVIEW: Description = {
    "summary": "The beginning of a file of yours, if it is a text; else what kind of file it is.",
    "parameters": [_PATH, parameter("whole", "query", _FLAG, "As much as may be edited.")],
    **answers(200, ref(files.FilePreview), "What it shows.", *_ERRORS),
}
CONTENT: Description = {
    "summary": "Download a file of yours; `view` sends a picture as a picture.",
    "parameters": [
        _PATH,
        parameter("view", "query", _FLAG, "To be shown, if nothing in it can run."),
        parameter("offset", "query", _WHOLE, "From which byte on."),
    ],
    "responses": {
        **answers(200, _BYTES, "The file.", *_ERRORS, media_type="application/octet-stream")["responses"],
        "200": {
            "description": "The file.",
            "content": {
                kind: {"schema": _BYTES}
                for kind in ("application/octet-stream", "image/png", "image/jpeg", "image/gif", "image/webp")
            },
        },
    },
}
ARCHIVE: Description = {
    "summary": "Download files and folders of yours as one zip file.",
    "parameters": [
        parameter("path", "query", {"type": "array", "items": _TEXT, "minItems": 1}, "Each path to pack.")
    ],
    **answers(200, _BYTES, "The archive.", *_ERRORS, media_type="application/zip"),
}
SAVE: Description = {
    "summary": "Save a text that was edited; refused when the file was changed since.",
    **body(ref(files.SaveText)),
    **answers(200, ref(files.SavedText), "It is saved.", *_BODY_ERRORS),
}
MAKE_FOLDER: Description = {
    "summary": "Make a folder.",
    **body(ref(files.MakeFolder)),
    **answers(201, ref(files.PlacedFile), "It is there.", *_BODY_ERRORS),
}
MOVE: Description = {
    "summary": "Rename a file or a folder, also into another folder.",
    **body(ref(files.MoveFile)),
    **answers(200, ref(files.PlacedFile), "Where it is now.", *_BODY_ERRORS),
}
DELETE: Description = {
    "summary": "Delete files, and folders with all that is in them.",
    **body(ref(files.DeleteFiles)),
    **answers(200, ref(files.DeletedFiles), "What is gone, and what is not.", *_BODY_ERRORS),
}
UPLOAD_STATE: Description = {
    "summary": "How much of an upload is here, and what has its name already.",
    "parameters": [_PATH, _NUMBER],
    **answers(200, ref(files.UploadState), "What is here.", *_ERRORS),
}
UPLOAD: Description = {
    "summary": "Send bytes of an upload, from the byte on that is missing.",
    "parameters": [
        _PATH,
        _NUMBER,
        parameter("offset", "query", _WHOLE, "The first byte that is sent: as many as are here."),
        parameter("size", "query", _WHOLE, "How many bytes there are in all."),
        parameter(
            "conflict", "query", {"enum": [*files.CONFLICT_RULES]}, "What to do when the name is taken."
        ),
    ],
    **BYTES_IN,
    **answers(200, ref(files.UploadReceived), "What is here now.", *_BODY_ERRORS),
}
UPLOAD_DROP: Description = {
    "summary": "Forget an upload that is not whole.",
    "parameters": [_PATH, _NUMBER],
    **answers(200, ref(files.UploadReceived), "It is forgotten.", *_ERRORS),
}

AUDIT: Description = {
    "summary": "Who did what, and who was refused what; for administrators.",
    "parameters": [
        parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 5000}, "How many.")
    ],
    **answers(200, ref(terminals.AuditRecords), "The records, the newest first.", 400, 503),
}
CONFIG: Description = {
    "summary": "What is wrong with the configuration file as it is now; for administrators.",
    **answers(200, ref(terminals.ConfigState), "A sentence, or null.", 400, 503),
}

_TERMINAL = parameter("terminal", "path", _TEXT, "The id of a terminal.")
OPEN_TERMINAL: Description = {
    "summary": "Open a terminal in a job, a session or a folder; it outlives the browser that looks at it.",
    **body(ref(terminals.OpenTerminal)),
    **answers(201, ref(terminals.OpenedTerminal), "Attach to it by its id.", *_BODY_ERRORS),
}
TERMINALS: Description = {
    "summary": "Your terminals that are open.",
    **answers(200, ref(terminals.TerminalList), "The terminals.", 400),
}
CLOSE_TERMINAL: Description = {
    "summary": "Hang up a terminal.",
    "parameters": [_TERMINAL],
    **answers(200, ref(terminals.OpenedTerminal), "It was hung up.", 400, 404),
}
ATTACH_TERMINAL = socket(
    "Attach to a terminal of yours: its latest output first, then as of a job's terminal. It stays when the "
    "connection ends.",
    _TERMINAL,
    errors=(400, 404, 409),
)
REFUSAL: Description = {
    "summary": "What a code means, and what to do: of a problem, or of why a job waits or ended.",
    "parameters": [
        parameter(
            "code", "path", {"type": "string"}, "The code; `wait:` or `end:` stands before that of a job."
        )
    ],
    **answers(
        200,
        {
            "type": "object",
            "required": ["code", "meaning", "help", "command"],
            "properties": {key: {"type": "string"} for key in ("code", "meaning", "help", "command")},
        },
        "What it means, what helps, and a command that does.",
        400,
        404,
    ),
}
