"""From a session's notebook to a batch job: what a helper found, told in sentences, and the job of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from launchyard.launcher.messages import Message
from launchyard.model.array import format_indexes, parse_indexes
from launchyard.model.errors import Conflict, Invalid
from launchyard.model.job import Job
from launchyard.model.notebook import Notebook, read, values_of
from launchyard.model.notebookjob import (
    METADATA_OUTPUT,
    METADATA_PATH,
    METADATA_SESSION,
    PAPERMILL,
    NotebookRun,
    output_of,
    script_of,
)
from launchyard.model.number import shown
from launchyard.model.requirements import name_of, names_of
from launchyard.model.sweep import METADATA_KEY, Sweep, every, parse_parameter, parse_sweep
from launchyard.model.when import rfc3339
from launchyard.wire.job import resources_json
from launchyard.wire.notebooks import (
    LackedPackage,
    NotebookDetails,
    NotebookItem,
    NotebookKernel,
    NotebookList,
    NotebookParameter,
    RunNotebook,
    Unsaved,
)

SWEPT_CHECKED_MAX = 1_000
SESSION_VARIABLES = ("LAUNCHYARD_", "JUPYTER_", "JPY_")
"""Beginnings of the names of variables that belong to the session alone."""


@dataclass(frozen=True, slots=True)
class Found:
    """A notebook as a helper found it; `notebook` None where it cannot be read, `why` then."""

    said: Message
    notebook: Notebook | None
    why: str = ""


def found(said: Message) -> Found:
    """What a helper said of one notebook."""
    if "invalid" in said:
        return Found(said, None, said["invalid"])
    return Found(said, read(said["text"], said["path"]))


def unsaved(said: Mapping[str, Any]) -> Unsaved:
    """Whether the file is what its person sees, as far as anybody but the browser can know."""
    page = said["page"]
    if page is not None and page["unsaved"] and page["at"] >= said["modified_at"]:
        since = _clock(page["at"])
        return Unsaved(
            state="yes", sentence=f"The browser holds changes that are not saved (seen at {since})."
        )
    if page is None and said.get("ran_since"):
        saved, ran = _clock(said["modified_at"]), _clock(said["active_at"])
        return Unsaved(
            state="likely",
            sentence=f"Its kernel was at work at {ran}, after the file was saved at {saved}: "
            f"the browser may hold newer cells.",
        )
    if page is not None or not said["asked"] or not said["open"]:
        return Unsaved(state="no", sentence="")
    return Unsaved(
        state="unknown",
        sentence="It is open in Jupyter; what is typed there and not saved only the browser knows.",
    )


def list_json(root: str, said: Message) -> dict[str, Any]:
    """All notebooks of a session."""
    notes = []
    if not said["whole"]:
        notes.append("Not all directories were looked through; name a notebook by its path.")
    if said["silent"] is not None:
        notes.append(f"Jupyter was not asked which notebooks are open: {said['silent']}.")
    items = [
        NotebookItem(
            path=one["path"],
            name=_below(root, one["path"]),
            modified_at=rfc3339(one["modified_at"]),
            size=one["size"],
            open=one["open"],
            made=one["made"],
            kernel_state=one["kernel_state"],
            unsaved=unsaved(one),
        )
        for one in sorted(said["notebooks"], key=lambda one: bool(one["made"]))
    ]
    return asdict(NotebookList(directory=root, notebooks=items, note=" ".join(notes) or None))


def details_json(job: Job, root: str, asked: Mapping[str, Any], one: Found) -> dict[str, Any]:
    """One notebook; `asked` is the session's runtime environment."""
    said, notebook = one.said, one.notebook
    warnings, problems = (list[str](), [one.why]) if notebook is None else _findings(asked, one)
    kernel = said.get("kernel")
    sample = NotebookRun(
        path=said["path"], saved_at="", session_id=job.id, notebook=notebook or _NOTHING, kernel=None
    )
    return asdict(
        NotebookDetails(
            session=job.id,
            path=said["path"],
            name=_below(root, said["path"]),
            modified_at=rfc3339(said["modified_at"]),
            open=said["open"],
            unsaved=unsaved(said),
            kernel=None if kernel is None else _kernel_of(kernel),
            marked=notebook is not None and notebook.marked,
            parameters=[] if notebook is None else _parameters_of(notebook),
            packages=[] if notebook is None else lacked(asked, one),
            warnings=warnings,
            problems=problems,
            output=output_of(sample),
            sweep_output=output_of(replace(sample, sweep=_ANY_SWEEP)),
            resources=_resources(job),
            time_limit_s=job.time_limit_s,
        )
    )


def lacked(asked: Mapping[str, Any], one: Found) -> list[LackedPackage]:
    """What was installed into the session's own copy of its environment and is nowhere asked for."""
    kernel, packages = one.said["kernel"], one.said["packages"]
    if packages is None or not kernel["own"] or one.notebook is None:
        return []
    wanted = names_of(_lines(asked))
    return [
        LackedPackage(
            name=package["name"],
            version=package["version"],
            line=_line(package),
        )
        for package in sorted(packages, key=lambda package: str(package["name"]).lower())
        if package["asked"] and package["own"] and name_of(package["name"]) not in wanted
    ]


def job_body(job: Job, asked: Mapping[str, Any], variables: Mapping[str, str] | None, one: Found,
             body: RunNotebook) -> dict[str, Any]:  # fmt: skip
    """The body of `POST /v1/jobs`. Raises `Invalid` and `Conflict` for what would not run as it is meant."""
    notebook = one.notebook
    if notebook is None:
        raise Invalid(one.why)
    _refuse(one, asked, body)
    run = _run(job, notebook, one.said, body)
    made: dict[str, Any] = {
        "script": script_of(run),
        "name": body.name or run.stem[:200],
        "working_dir": run.directory,
        "runtime_env": _environment(asked, one, body),
        "resources": _resources(job) | _changed(body),
        "time_limit_s": body.time_limit_s or job.time_limit_s,
        "partition": body.partition or job.partition,
        "account": body.account or job.account,
        "qos": body.qos,
        "group": body.group,
        "dry_run": body.dry_run,
        "metadata": {
            METADATA_PATH: run.path,
            METADATA_OUTPUT: output_of(run),
            METADATA_SESSION: str(job.id),
        },
    }
    if variables is not None:
        made["environment"] = {
            name: value for name, value in variables.items() if not name.startswith(SESSION_VARIABLES)
        }
    if run.sweep is not None:
        made["array"] = format_indexes(parse_indexes(every(run.sweep))[0], body.throttle)
        made["group"] = body.group or made["name"]
        made["metadata"][METADATA_KEY] = run.sweep.metadata()
    return {name: value for name, value in made.items() if value is not None}


# -- inside

_NOTHING = Notebook(kernel="", kernel_title="", language="python", code_cells=0, marked=False)
_ANY_SWEEP = Sweep(())


def _findings(asked: Mapping[str, Any], one: Found) -> tuple[list[str], list[str]]:
    """(warnings, problems)"""
    said, notebook = one.said, one.notebook or _NOTHING
    warnings, problems = list[str](), list[str]()
    kernel = said["kernel"]
    if kernel["spec"] is None:
        known = ", ".join(kernel["known"]) or "none"
        problems.append(f"Its kernel {shown(kernel['name'])} is not there; there are: {known}.")
    if said["missing"]:
        warnings.append(f"Its kernel has no module {', '.join(said['missing'])}, which the notebook imports.")
    if said["unread"] is not None:
        warnings.append(f"The packages of its kernel are not known: {said['unread']}.")
    if notebook.unread:
        warnings.append("The cell tagged parameters is not read as Python; its parameters are not known.")
    if notebook.errors:
        cells = "A cell" if notebook.errors == 1 else f"{notebook.errors} cells"
        warnings.append(f"{cells} ended in an error when last run; the job stops at the first one.")
    if not notebook.code_cells:
        problems.append("It has no cells with code.")
    if asked.get("conda") is not None:
        warnings.append("Its conda environment must have papermill; nothing can be added to it here.")
    return warnings, problems


def _refuse(one: Found, asked: Mapping[str, Any], body: RunNotebook) -> None:
    _, problems = _findings(asked, one)
    if problems:
        raise Invalid(f"{one.said['path']} cannot be run: {problems[0]}", code="notebook")
    state = unsaved(one.said)
    if state.state in ("yes", "likely") and not body.as_saved:
        raise Conflict(
            f"{one.said['path']}: {state.sentence} Save it in Jupyter, or ask for it as it was saved",
            code="unsaved",
        )
    notebook = one.notebook or _NOTHING
    if (body.parameters or body.sweep) and not notebook.marked:
        raise Invalid(
            "the notebook has no cell with the tag parameters, so what it sets itself would win; "
            "tag the cell that sets them (in JupyterLab: Property inspector, Cell tags)",
            code="no-parameters",
        )


def _run(job: Job, notebook: Notebook, said: Message, body: RunNotebook) -> NotebookRun:
    if both := sorted(set(body.parameters) & set(body.sweep)):
        raise Invalid(f"{both[0]} has one value and is swept over too; choose one of both")
    if body.throttle is not None and not body.sweep:
        raise Invalid("throttle is of a sweep; leave it out")
    if body.output is not None and (not body.output or "\0" in body.output):
        raise Invalid("output is empty; leave it out, or name a file")
    if body.output is not None and not body.sweep and not body.output.endswith(".ipynb"):
        raise Invalid(f"output {shown(body.output)} is no notebook; its name ends in .ipynb")
    run = NotebookRun(
        path=said["path"],
        saved_at=rfc3339(said["modified_at"]),
        session_id=job.id,
        notebook=notebook,
        kernel=_specification(said["kernel"]),
        values=values_of(notebook.parameters, body.parameters),
        sweep=_sweep(notebook, body.sweep),
        output=body.output,
    )
    if output_of(run) == run.path:
        raise Invalid("output is the notebook itself; name another file")
    return run


def _sweep(notebook: Notebook, asked: Mapping[str, str]) -> Sweep | None:
    """Each value fits what the notebook has under that name."""
    if not asked:
        return None
    for name, spec in asked.items():
        for value in islice(parse_parameter(f"{name}={spec}").values, SWEPT_CHECKED_MAX):
            values_of(notebook.parameters, {name: value})
    return parse_sweep([f"{name}={spec}" for name, spec in asked.items()])


def _specification(kernel: Mapping[str, Any]) -> dict[str, Any]:
    """The kernel as the job has it: of the session's own environment the job's own copy, found by name."""
    spec = dict(kernel["spec"])
    argv = [str(word) for word in spec.get("argv", ())]
    if kernel["own"]:
        argv[0] = "python"
    elif kernel["python"] is not None:
        argv[0] = kernel["python"]
    known = ("display_name", "language", "env", "interrupt_mode", "metadata")
    return {"argv": argv, **{name: spec[name] for name in known if name in spec}}


def _environment(asked: Mapping[str, Any], one: Found, body: RunNotebook) -> dict[str, Any]:
    """The session's own, with papermill, and with what its kernel has beyond it."""
    if asked.get("conda") is not None or asked.get("container") or asked.get("image_uri"):
        return dict(asked)
    offered = lacked(asked, one)
    lines = (
        [package.line for package in offered] if body.packages is None else _chosen(offered, body.packages)
    )
    if PAPERMILL not in names_of(_lines(asked)):
        lines.append(PAPERMILL)
    tool = "uv" if asked.get("pip") is None else "pip"
    given = asked.get(tool)
    if isinstance(given, Mapping):
        return {**asked, tool: {**given, "packages": [*given.get("packages", ()), *lines]}}
    return {**asked, tool: [*(given or ()), *lines]}


def _chosen(offered: Sequence[LackedPackage], wanted: Sequence[str]) -> list[str]:
    """A name alone is that version of it which the kernel has."""
    lines = {name_of(one.name): one.line for one in offered}
    return [lines.get(name_of(one), one) if name_of(one) == one.lower() else one for one in wanted]


def _lines(asked: Mapping[str, Any]) -> list[str]:
    given = asked.get("uv") if asked.get("pip") is None else asked.get("pip")
    lines = given.get("packages") if isinstance(given, Mapping) else given
    return [str(line) for line in lines or ()]


def _line(package: Mapping[str, Any]) -> str:
    if package["url"] and not package["editable"]:
        return f"{package['name']} @ {package['url']}"
    if package["editable"]:
        return f"-e {str(package['url']).removeprefix('file://')}"
    return f"{package['name']}=={package['version']}"


def _kernel_of(kernel: Mapping[str, Any]) -> NotebookKernel:
    return NotebookKernel(**{name: kernel[name] for name in ("name", "title", "language", "python", "own")})


def _parameters_of(notebook: Notebook) -> list[NotebookParameter]:
    return [NotebookParameter(**asdict(one)) for one in notebook.parameters]


def _resources(job: Job) -> dict[str, Any]:
    """As they can be submitted again: a memory of 0 is what the cluster gives without being asked."""
    asked = resources_json(job.request)
    return {name: value for name, value in asked.items() if value or name == "cpus"}


def _changed(body: RunNotebook) -> dict[str, Any]:
    if body.resources is None:
        return {}
    blank = type(body.resources)()
    return {name: value for name, value in asdict(body.resources).items() if value != getattr(blank, name)}


def _below(root: str, path: str) -> str:
    return path.removeprefix(f"{root.rstrip('/')}/")


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC")
