"""Every way to ask for something of somebody else's, made from the routes and the commands that there are.

A route, an `ly` command or a drop-in command that is new is asked by itself. One that names a thing of a new
kind fails until it is said here whose that is.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click

from launchyard.api.access import ROUTES, WEBSOCKET
from launchyard.cli.main import ly
from launchyard.slurm.commands import COMMANDS

OF_EVERYBODY = {
    "/v1/apps/{app}": "apps of the installation are for all",
    "/v1/errors/{code}": "words of the documentation",
}
"""Routes that name nothing of anybody's."""
NOT_ASKED = {"/v1/events": "never ends; its own test is unit/test_api_streams"}
BODIES: Mapping[str, Any] = {
    "/v1/jobs/{job}/signal": {"signal": "TERM"},
    "/v1/jobs/{job}/steps": {"connect": "/tmp/nothing"},
    "/v1/jobs/{job}/steps/{step}/signal": {"signal": "TERM"},
    "/v1/jobs/{job}/update": {"name": "taken"},
    "/v1/nodes/{name}": {"state": "drain", "reason": "taken"},
    "/v1/sessions/{job}/batch": {"notebook": "a.ipynb"},
    "/v1/sessions/{session}/save": {"name": "taken"},
    "/v1/sessions/{session}/share": {"users": ["lytest2"]},
    "/v1/sessions/{session}/told": {"launch_id": "0" * 32, "what": "answers", "secret": "m", "port": 22},
}
"""By route what is right where there would be an owner; elsewhere nothing, or an empty object."""
QUERIES = {
    "/v1/jobs/{job}/logs/search": "?q=mark",
    "/v1/sessions/{job}/notebook": "?path=a.ipynb",
}
NAMED_IN_QUERIES = ("ids", "job", "array", "group", "user", "users", "name", "names")


@dataclass(frozen=True, kw_only=True)
class Things:
    """What stands for each parameter of a path: of somebody else's, or of nobody's."""

    job: str
    session: str
    submission: str
    token: str
    terminal: str
    package: str
    array: str
    step: str = "0"

    def of(self, path: str) -> dict[str, str]:
        names = re.findall(r"\{(\w+)\}", path)
        package = {"name": self.package} if "/packages/" in path else {"name": self.job}
        known = {**package, "protocol": "gcs"}
        return {name: known.get(name) or str(getattr(self, name)) for name in names}

    @property
    def words(self) -> list[str]:
        """All that an answer may repeat of a question, the longest first."""
        own = {self.job, self.session, self.submission, self.token, self.terminal, self.package, self.array}
        return sorted(own, key=len, reverse=True)


NAMING = sorted((method, path) for method, path in ROUTES if "{" in path and path not in OF_EVERYBODY)
LISTING = sorted(
    path for method, path in ROUTES if method == "GET" and "{" not in path and path not in NOT_ASKED
)
"""Routes that name a thing, and those that tell of many."""


def question(method: str, path: str, things: Things) -> tuple[str, str, Any]:
    body = BODIES.get(path, {}) if method == "POST" and "/cancel" not in path else None
    if method == "PUT":
        body = "bytes:" + "bm8="
    return method, path.format(**things.of(path)) + QUERIES.get(path, ""), body


def without(words: list[str], text: str) -> str:
    """What remains to be compared once the names that were asked for are taken out."""
    for word in words:
        text = re.sub(rf"(?<![0-9A-Za-z]){re.escape(word)}(?![0-9A-Za-z])", "N", text)
    return text


# -- `ly`

NUMBERS = {"job", "jobs", "session", "number", "numbers"}
"""What commands call the ids of jobs and sessions."""
OTHER_ARGUMENTS = {
    **dict.fromkeys(("file", "path", "name", "names", "words", "app", "trace", "kind", "notebook", "users")),
    "ids": "of tokens",
}
BEFORE = {"session save": "taken", "session share": "lytest2", "session batch": "a.ipynb"}
OPTIONS = {"update": ["--name", "taken"], "logs": ["--no-follow"]}
AFTER = {"shell": ["--", "true"], "ray connect": ["--", "true"]}


def commands(group: click.Group = ly, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from commands(found, (*path, name))
        elif found is not None:
            yield " ".join((*path, name)), found


def arguments(command: click.Command) -> set[str]:
    return {one.name or "" for one in command.params if isinstance(one, click.Argument)}


ABOUT_JOBS = [words for words, command in commands() if arguments(command) & NUMBERS]


def spoken(words: str, things: Things) -> list[str]:
    """The command as it is typed about these things."""
    number = things.session if words.startswith("session") else things.job
    more = [BEFORE[words]] if words in BEFORE else []
    return ["ly", *words.split(), *_known_options(words), number, *more, *AFTER.get(words, [])]


def _known_options(words: str) -> list[str]:
    command = dict(commands())[words]
    has = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    return [one for one in OPTIONS.get(words, []) if not one.startswith("--") or one in has]


# -- the commands with Slurm's names: `J` is a job's id

SLURM = {
    "sacct": [["-n", "-j", "J"]],
    "salloc": None,
    "sattach": [["J.0"]],
    "sbatch": [["--dependency=afterok:J", "--wrap", "true"]],
    "sbcast": None,
    "scancel": [["J"], ["-s", "TERM", "J"], ["-u", "lytest1"], ["--name", "MARK"]],
    "scontrol": [
        *(["show", "job", "J"], ["hold", "J"], ["release", "J"], ["requeue", "J"], ["suspend", "J"]),
        *(["resume", "J"], ["top", "J"], ["update", "JobId=J", "JobName=taken"], ["show", "step", "J"]),
        *(["write", "batch_script", "J", "-"], ["listpids", "J"]),
    ],
    "scrontab": [["-l"]],
    "sdiag": None,
    "seff": [["J"]],
    "sinfo": None,
    "sprio": [["-h", "-j", "J"]],
    "sreport": None,
    "squeue": [["-h", "-j", "J"], ["-h", "-u", "lytest1"], ["-h", "--name", "MARK"], ["-h", "--steps"]],
    "srun": [["--jobid=J", "true"]],
    "sshare": None,
    "sstat": [["-n", "-j", "J"]],
    "sacctmgr": None,
    "strigger": [["--set", "--jobid=J", "--fini", "--program=/bin/true"]],
}
"""By program, what is asked about a job; None: it names none."""
assert set(SLURM) == set(COMMANDS)

__all__ = ["ABOUT_JOBS", "LISTING", "NAMING", "SLURM", "WEBSOCKET", "Things", "question", "spoken", "without"]
