"""sbatch: queue a script, that of standard input, or a command by --wrap."""

import importlib
import os
import posixpath
import resource
import sys

from launchyard.cli.slurm.arguments import Given, WrongUse, parse_parts
from launchyard.cli.slurm.batch.choices import (
    OPTIONS,
    Choices,
    asked,
    of_script,
    refuse_unreadable,
)
from launchyard.cli.slurm.batch.script import read_script, wrapped
from launchyard.cli.slurm.batch.variables import by_variables, login_variables, variables_of
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.model.light import Any
from launchyard.slurm import kept
from launchyard.slurm.body import body_of
from launchyard.slurm.complaints import refusal
from launchyard.slurm.readers import Asked

NAME_MAX = 256
LIMITS = ("AS", "CORE", "CPU", "DATA", "FSIZE", "MEMLOCK", "NOFILE", "RSS", "STACK")
TEXT_MAX = 4096
"""So much of a text is kept to be looked at."""


def run(arguments: list[str]) -> int:
    parts, given = parse_parts(arguments, OPTIONS)
    for name in ("help", "usage", "version"):
        if given.count(name):
            told: int = importlib.import_module("launchyard.cli.slurm.batch.told").tell(name)
            return told
    for part in parts:
        refuse_unreadable(part.options)
    text = _text(given)
    scripts, ours = of_script(text)
    choices = Choices(scripts[0], ours, by_variables(os.environ), given.options)
    further: list[Choices] = []
    if max(len(scripts), len(parts)) > 1:
        unlike = importlib.import_module("launchyard.cli.slurm.batch.unlike")
        choices, *further = unlike.choices_of(scripts, choices, [one.options for one in parts])
    if choices.last("uid") is not None or choices.last("gid") is not None:
        importlib.import_module("launchyard.cli.slurm.batch.identity").become(
            choices.last("uid"), choices.last("gid")
        )
    options = asked(choices)
    if "note" in options and choices.last("quiet") is None:
        print(f"sbatch: {options['note']}", file=sys.stderr)
    body = _body(given, choices, options, text, arguments)
    if further:
        unlike.add_parts(body, further, _take_nodefile)
    return _submit(body, choices)


def _text(given: Given) -> str:
    wrap = given.last("wrap")
    if wrap is None:
        return read_script(given.rest[0] if given.rest else None)
    if given.rest:
        raise Refused("error: Script arguments not permitted with --wrap option")
    return wrapped(wrap)


def _body(given: Given, choices: Choices, options: Asked, text: str, arguments: list[str]) -> dict[str, Any]:
    """What is sent; defaults are Slurm's: requeued when a node fails, waiting for ever on what cannot be."""
    path = given.rest[0] if given.rest else None
    wrap = given.last("wrap") is not None
    here = _here()
    options.setdefault("name", "wrap" if wrap else posixpath.basename(path) if path else "sbatch")
    options["name"] = options["name"] or "sbatch"
    options["name"] = options["name"][:NAME_MAX]
    options["partition"] = choices.last("partition") or options.get("partition")
    options.setdefault("requeue", True)
    options.setdefault("keep_on_failed_dependency", True)
    options["keep_beyond_limits"] = True
    options.setdefault("append", False)
    options["working_dir"] = posixpath.normpath(posixpath.join(here, options.get("working_dir") or "."))
    options["stdout"] = _file(options.get("stdout")) or (
        "slurm-%A_%a.out" if options.get("array") else "slurm-%j.out"
    )
    options["stderr"] = _file(options.get("stderr"))
    options["stdin"] = _file(choices.last("input"))
    if not options.get("array"):
        options.pop("array", None)
    options["environment"] = {**_variables(choices), **options.get("environment", {})}
    options["metadata"] = {**options.get("metadata", {}), **_facts(given, choices, arguments, here, wrap)}
    options["metadata"] = {key: value[:TEXT_MAX] for key, value in options["metadata"].items()}
    _take_nodefile(choices, options)
    try:
        body = body_of(options, _moment)
    except _BadMoment as error:
        print(f"Invalid time specification (pos=0): {error}", file=sys.stderr)
        name = "begin" if options.get("begin") == str(error) else "deadline"
        raise WrongUse(f"error: Invalid --{name} specification") from None
    body["script"] = text
    if "brought" in options:
        body["brought"] = options["brought"]
    if given.rest[1:]:
        body["arguments"] = given.rest[1:]
    return body


class _BadMoment(Invalid):
    """Of a text that is no time."""


def _moment(text: str) -> str:
    try:
        moment: str = importlib.import_module("launchyard.cli.slurm.batch.moments").rfc3339_of(text)
    except Invalid:
        raise _BadMoment(text) from None
    return moment


def _here() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise Refused("error: getcwd failed: No such file or directory") from None


def _file(pattern: str | None) -> str | None:
    return "/dev/null" if pattern is not None and pattern.lower() == "none" else pattern or None


def _variables(choices: Choices) -> dict[str, str]:
    """The job's variables. Without those of here, a job gets those of a login."""
    export = choices.last("export")
    whole = export is None or "ALL" in export.upper().split(",")
    wants_login = choices.last("get-user-env") is not None or not whole
    login = login_variables(os.environ) if wants_login else None
    path = choices.last("export-file")
    try:
        return variables_of(export, path, login, os.environ)
    except OSError:
        raise Refused(f"error: Could not open user environment file {path}") from None


def _facts(given: Given, choices: Choices, arguments: list[str], here: str, wrap: bool) -> dict[str, str]:
    """What the job shows of its submission."""
    facts = {
        kept.SUBMIT_LINE: " ".join(["sbatch", *arguments]),
        kept.SUBMIT_HOST: os.uname().nodename.partition(".")[0],
        kept.SUBMIT_DIR: here,
        kept.SESSION: str(os.getsid(0)),
        kept.UMASK: _umask(),
        kept.LIMITS: _limits(choices.last("propagate")),
    }
    if given.rest and not wrap:
        words = [posixpath.normpath(posixpath.join(here, given.rest[0])), *given.rest[1:]]
        facts[kept.COMMAND] = " ".join(words)
    return {key: value.encode("utf-8", "replace").decode() for key, value in facts.items()}


def _umask() -> str:
    """What SLURM_UMASK says, else this process's own."""
    if named := os.environ.get("SLURM_UMASK"):
        return named
    mask = os.umask(0o022)
    os.umask(mask)
    return f"{mask:04o}"


def _limits(named: str | None) -> str:
    """The soft limits that go along: all, or those named; but that of the user's processes."""
    words = [word.removeprefix("RLIMIT_") for word in (named or "ALL").upper().split(",")]
    if "NONE" in words:
        return ""
    names = LIMITS if "ALL" in words else [word for word in words if word in LIMITS]
    soft = {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0] for name in names}
    return ",".join(f"{name}={value}" for name, value in soft.items())


def _take_nodefile(choices: Choices, options: Asked) -> None:
    """`--nodefile`, and a `--nodelist` that is the path of a file: names, one or more a line."""
    path = choices.last("nodefile") or None
    listed = options.get("nodelist") or ""
    if "/" in listed:
        path = listed
    if path is None:
        return
    try:
        with open(path) as file:
            options["nodelist"] = ",".join(file.read().replace(",", " ").split())
    except OSError:
        raise Refused(f"error: Unable to open file {path}") from None


def _submit(body: dict[str, Any], choices: Choices) -> int:
    brought = body.pop("brought", None)
    if choices.last("test-only") is not None:
        tried: int = importlib.import_module("launchyard.cli.slurm.batch.trial").tell(Server(), body)
        return tried
    try:
        server = Server()
        cluster = _cluster(server, choices, body)
        if "," in (body.get("partition") or ""):
            importlib.import_module("launchyard.cli.slurm.batch.partitions").choose(server, body)
        _refuse_large_array(server, body)
        if brought:
            environments = importlib.import_module("launchyard.cli.brought")
            body["runtime_env"] = environments.runtime_env_sent(server.transport, brought)
        job = server.submit(body)
    except LaunchyardError as error:
        raise Refused(*refusal(error.code, str(error), body.get("partition") or "")) from None
    if choices.last("parsable") is not None:
        print(f"{job['id']};{cluster}" if cluster else job["id"], flush=True)
    elif choices.last("quiet") is None:
        print(f"Submitted batch job {job['id']}{f' on cluster {cluster}' if cluster else ''}", flush=True)
    if choices.last("wait") is None:
        return 0
    code: int = importlib.import_module("launchyard.cli.slurm.batch.waiting").wait_for(job["id"])
    return code


def _cluster(server: Server, choices: Choices, body: dict[str, Any]) -> str | None:
    """The cluster that was named, where the job goes; of several that which starts it first."""
    named = choices.last("clusters")
    if named is None:
        return None
    chosen: str = importlib.import_module("launchyard.cli.slurm.batch.sending").choose(server, named, body)
    return chosen


def _refuse_large_array(server: Server, body: dict[str, Any]) -> None:
    """Indexes are bounded by MaxArraySize; one that is large enough to matter is asked about."""
    text: str = body.get("array") or ""
    digits = "".join(character if character.isdigit() else " " for character in text.partition("%")[0])
    largest = max((int(one[:12]) for one in digits.split()), default=0)
    if largest > 0 and largest >= server.get("/v1/slurm")["max_array_size"]:
        raise Refused(*refusal("array", ""))
