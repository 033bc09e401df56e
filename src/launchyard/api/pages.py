"""What the OpenAPI document says of the routes that are made for pages."""

from launchyard.api.describe import Description, answers, parameter, ref
from launchyard.wire import moves, pageshapes, sessions

_JOB = parameter(
    "job",
    "path",
    {"type": "string", "pattern": "^[1-9][0-9]*(_[0-9]+)?$"},
    "A job's id; `12_3` is task 3 of array 12.",
)
_TEXT: Description = {"type": "string"}
_WHOLE: Description = {"type": "integer"}
_STREAM = parameter("stream", "query", {"enum": ["stdout", "stderr", "setup"]}, "Which output; stdout.")

SERIES: Description = {
    "summary": "What an attempt of a job used as time went by: processors, memory, input and output.",
    "parameters": [
        _JOB,
        parameter("attempt", "query", {**_WHOLE, "minimum": 1}, "Which attempt; the last one."),
        parameter("follow", "query", {"type": "boolean"}, "Lines of JSON, until the attempt has ended."),
    ],
    **answers(200, ref(pageshapes.UsageSeries), "The series.", 400, 404),
}

LOG_SEARCH: Description = {
    "summary": "Lines of a job's whole log that contain a text; a text in lower case finds upper case too.",
    "parameters": [
        _JOB,
        parameter("q", "query", _TEXT, "What to look for."),
        _STREAM,
        parameter("offset", "query", _WHOLE, "The offset of the line to begin at; 0."),
        parameter("line", "query", _WHOLE, "The number of that line; 1."),
        parameter("limit", "query", {**_WHOLE, "minimum": 1, "maximum": 1000}, "How many lines; 200."),
    ],
    **answers(200, ref(pageshapes.LogMatches), "The lines.", 400, 404, 409, 503),
}

LOG_MARKS: Description = {
    "summary": "How many lines a job's log has, where they begin, and which tell of errors.",
    "parameters": [_JOB, _STREAM],
    **answers(200, ref(pageshapes.LogMarks), "The marks.", 400, 404, 409, 503),
}

TIMELINE: Description = {
    "summary": "When a job waited, was set up and ran, attempt by attempt.",
    "parameters": [_JOB],
    **answers(200, ref(pageshapes.Timeline), "The parts in order.", 400, 404),
}

TASKS: Description = {
    "summary": "All tasks of an array by a letter each, and those that did not complete.",
    "parameters": [_JOB],
    **answers(200, ref(pageshapes.TaskGrid), "The tasks.", 400, 404, 409),
}

LIST: Description = {
    "summary": "Very many jobs by column, newest first: the caller's own (administrators: everybody's).",
    "parameters": [
        parameter("state", "query", _TEXT, "States with commas between them, such as `PENDING,RUNNING`."),
        parameter("user", "query", _TEXT, "Whose jobs."),
        parameter("name", "query", _TEXT, "Jobs of exactly this name."),
        parameter("partition", "query", _TEXT, "Jobs of this partition."),
        parameter("cluster", "query", _TEXT, "Jobs on this cluster."),
        parameter("group", "query", _TEXT, "Jobs of this group."),
        parameter("array", "query", _WHOLE, "The tasks of this array that have split off."),
        parameter("ids", "query", _TEXT, "Only these, up to 500 with commas between them, and nothing else."),
        parameter("since", "query", _TEXT, "Submitted or ended since then (RFC 3339 or seconds)."),
        parameter("limit", "query", {**_WHOLE, "minimum": 1, "maximum": 20000}, "How many; 1,000."),
        parameter("cursor", "query", _TEXT, "`next` of the page before."),
    ],
    **answers(200, ref(pageshapes.JobColumns), "The jobs.", 400),
}

_EVENTS = [ref(moves.JobMoved), ref(moves.NodeMoved), ref(sessions.SessionEvent)]

EVENTS: Description = {
    "summary": "What happens to jobs that the caller sees in lists, to nodes and to the caller's sessions, "
    "as server-sent events, each of a kind (`event`) of its own; there may be further kinds.",
    "parameters": [
        parameter("Last-Event-ID", "header", _TEXT, "Go on after this event."),
        parameter("after", "query", _TEXT, "The same, for the first connection of a browser."),
    ],
    **answers(200, {"anyOf": _EVENTS}, "Events.", 400, media_type="text/event-stream"),
}
