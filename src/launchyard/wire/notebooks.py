"""Notebooks of sessions over HTTP: what is told of them, and the body that makes a batch job of one."""

from dataclasses import dataclass, field
from typing import Any, Literal

from launchyard.wire.submit import Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsaved:
    """Whether a browser holds what the file does not. `likely`: cells ran after it was saved.

    `unknown`: it is open, and what is typed and neither run nor saved only the browser knows.
    """

    state: Literal["yes", "likely", "unknown", "no"]
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookItem:
    """A notebook of a session. `name` is its path below the session's directory, `made`: a run wrote it."""

    path: str
    name: str
    modified_at: str
    size: int
    open: bool
    made: bool
    kernel_state: str | None
    unsaved: Unsaved


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookList:
    """The last edited first, and after all others those that runs wrote.

    `note` says what could not be looked at; null: nothing.
    """

    directory: str
    notebooks: list[NotebookItem]
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookParameter:
    """One assignment of the cell with the tag `parameters`; `source` as it stands there."""

    name: str
    kind: Literal["truth", "whole", "number", "text", "list", "table", "other"]
    source: str
    value: Any
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookKernel:
    """What it runs with. `python` null: it is no Python, or it was not found. `own`: that of the session."""

    name: str
    title: str
    language: str
    python: str | None
    own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LackedPackage:
    """A package that the session's kernel has and its environment would not have; `line` asks for it."""

    name: str
    version: str
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookDetails:
    """What is asked before a notebook is run as a batch job. `marked`: it has a cell with parameters.

    `problems` keep it from being run, `warnings` do not.
    """

    session: int
    path: str
    name: str
    modified_at: str
    open: bool
    unsaved: Unsaved
    kernel: NotebookKernel | None
    marked: bool
    parameters: list[NotebookParameter]
    packages: list[LackedPackage]
    warnings: list[str]
    problems: list[str]
    output: str
    sweep_output: str
    resources: dict[str, Any]
    time_limit_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNotebook:
    """A notebook of a session as a batch job, or with `sweep` as one task a combination of values.

    `parameters` are values by name, `sweep` such as `{"lr": "0.1,0.01", "seed": "1..10"}`. `packages` are
    added to the session's environment; null: all that the kernel has and it lacks. `as_saved`: run what is
    on the disk though a browser holds newer cells. What else is left out is as the session has it.
    """

    notebook: str
    parameters: dict[str, Any] = field(default_factory=dict)
    sweep: dict[str, str] = field(default_factory=dict)
    packages: list[str] | None = None
    as_saved: bool = False
    output: str | None = None
    name: str | None = None
    resources: Resources | None = None
    time_limit_s: int | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    group: str | None = None
    throttle: int | None = None
    dry_run: bool = False
