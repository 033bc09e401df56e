"""The OpenAPI document, made when it is first asked for: schemas take longer than the daemon's start."""

from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from starlette.routing import BaseRoute

from launchyard import __version__
from launchyard.api import describe, describefiles
from launchyard.api.ray_jobs import described
from launchyard.wire import (
    acts,
    crontabs,
    debugging,
    files,
    login,
    moves,
    notebooks,
    orders,
    packages,
    pageshapes,
    rayjobs,
    sessions,
    shape,
    shapes,
    steps,
    submit,
    tableshapes,
    terminals,
    triggers,
)

_BODIES = (
    submit.SubmitJob,
    submit.UpdateJob,
    notebooks.RunNotebook,
    debugging.DebugJob,
    orders.SignalJob,
    acts.ActOnJobs,
    orders.MarkNode,
    orders.MakeReservation,
    orders.NewToken,
    login.LogIn,
    login.NewLoginLink,
    login.OpenSession,
    orders.PutRules,
    orders.ChangeRules,
    crontabs.PutCrontab,
    triggers.SetTrigger,
    steps.StartStep,
    steps.SignalStep,
    rayjobs.RayJob,
    files.LookAtFiles,
    files.SaveText,
    files.MakeFolder,
    files.MoveFile,
    files.DeleteFiles,
    terminals.OpenTerminal,
    sessions.StartSession,
    sessions.RelaunchSession,
    sessions.ExtendSession,
    sessions.ShareSession,
    sessions.SaveSession,
    sessions.ToldSession,
)
_ANSWERS = (
    shapes.Problem,
    shapes.ItemError,
    shapes.Job,
    shapes.SubmittedJob,
    shapes.JobPage,
    shapes.Advice,
    shapes.Efficiency,
    shapes.JobEfficiency,
    shapes.EfficiencyList,
    shapes.Why,
    notebooks.NotebookList,
    notebooks.NotebookDetails,
    shapes.Node,
    shapes.NodeList,
    acts.ActResult,
    acts.ActResults,
    shapes.Rows,
    tableshapes.Columns,
    tableshapes.SlurmFacts,
    tableshapes.PriorityWeights,
    packages.PackageStatus,
    packages.PackageReceived,
    pageshapes.UsageSeries,
    pageshapes.LogMatches,
    pageshapes.LogMarks,
    pageshapes.TaskGrid,
    pageshapes.Timeline,
    pageshapes.JobColumns,
    shapes.Reservation,
    shapes.MadeReservation,
    shapes.ReservationList,
    shapes.RulesInForce,
    shapes.UsageRow,
    shapes.UsageList,
    login.LoginLink,
    login.LoggedIn,
    login.LoginWays,
    login.OpenedSession,
    login.Me,
    login.Token,
    login.MadeToken,
    login.TokenList,
    shapes.Health,
    shapes.Status,
    moves.JobMoved,
    moves.NodeMoved,
    crontabs.CrontabText,
    crontabs.CrontabJobs,
    triggers.Trigger,
    triggers.TriggerList,
    steps.StartedStep,
    steps.Freed,
    files.FolderListing,
    files.FileRows,
    files.FileFacts,
    files.FilePreview,
    files.SavedText,
    files.PlacedFile,
    files.DeletedFiles,
    files.UploadState,
    files.UploadReceived,
    terminals.OpenedTerminal,
    terminals.TerminalList,
    terminals.AuditRecords,
    terminals.ConfigState,
    sessions.AppList,
    sessions.App,
    sessions.PythonList,
    sessions.SessionList,
    sessions.Session,
    sessions.TriedSession,
    sessions.SessionEvent,
    rayjobs.RaySubmitted,
    rayjobs.RayJobDetails,
    rayjobs.RayLogs,
    rayjobs.RayStopped,
    rayjobs.RayDeleted,
    rayjobs.RayVersion,
    rayjobs.RayActivities,
    rayjobs.RayAuthenticationMode,
    rayjobs.RayAuthenticated,
)
_BESIDE = {
    "/openapi.json": describe.DOCUMENT,
    "/v1/jobs/{job}/terminal": describe.TERMINAL,
    "/v1/jobs/{job}/shell": describe.SHELL,
    "/v1/jobs/{job}/ray": describe.RAY,
    "/v1/terminals/{terminal}": describefiles.ATTACH_TERMINAL,
    "/api/jobs/{submission}/logs/tail": described.TAIL,
}
"""Of WebSockets, and of itself, the framework tells nothing."""
_ERRORS = (400, 401, 403, 404, 408, 409, 413, 415, 421, 422, 429, 500, 503, 507)


def document(app: FastAPI, routes: list[BaseRoute]) -> dict[str, Any]:
    """The whole document; each route brings its own part by `openapi_extra`."""
    if app.openapi_schema is None:
        made = get_openapi(
            title="Launchyard",
            version=__version__,
            description="Submit, watch and manage jobs.",
            routes=routes,
        )
        for path, told in _BESIDE.items():
            made["paths"].setdefault(path, {})["get"] = told
        for operations in made["paths"].values():
            for operation in operations.values():
                operation["responses"] = _without_default(operation["responses"])
        made["components"] = _components()
        made["security"] = [{"token": []}]
        app.openapi_schema = made
    return app.openapi_schema


def _without_default(responses: dict[str, Any]) -> dict[str, Any]:
    """FastAPI adds an empty 200 to each route; keep it only where the route described one."""
    return {
        status: told
        for status, told in responses.items()
        if status != "200" or told.get("content", {}) != {JSON: {"schema": {}}}
    }


JSON = "application/json"


def _components() -> dict[str, Any]:
    shape.made()
    adapters: list[tuple[Any, Literal["validation"], TypeAdapter[Any]]] = [
        (cls, "validation", TypeAdapter(cls)) for cls in (*_BODIES, *_ANSWERS)
    ]
    _, made = TypeAdapter.json_schemas(adapters, ref_template="#/components/schemas/{model}")
    for cls in (*_BODIES, submit.Resources, submit.WarningSignal, submit.Window):
        made["$defs"][cls.__name__]["additionalProperties"] = False
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        "schemas": made["$defs"],
        "responses": {
            str(status): {
                "description": HTTPStatus(status).phrase,
                "content": {"application/problem+json": problem},
            }
            for status in _ERRORS
        },
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    }
