"""The lines of a crontab as the server wants them: each one job, with the options of its #SCRON lines."""

import importlib
import os
import posixpath
import pwd

from launchyard.cli.slurm.arguments import WrongUse, parse
from launchyard.cli.slurm.batch.choices import OPTIONS, Choices, asked
from launchyard.cli.slurm.batch.moments import rfc3339_of
from launchyard.cli.slurm.batch.variables import login_variables
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.model.light import Any
from launchyard.slurm import kept
from launchyard.slurm.body import body_of
from launchyard.slurm.crontab import Bad, Entry, name_of, script_of
from launchyard.slurm.readers import Asked

NAME_MAX = 256
NOT_HERE = ("array", "wrap", "wait", "test-only", "parsable", "uid", "gid", "help", "usage", "version")


def lines_of(server: Server, entries: list[Entry]) -> tuple[list[dict[str, Any]], list[Bad]]:
    """What is sent of each, and those whose options are wrong."""
    user = pwd.getpwuid(os.getuid())
    variables = login_variables({**_identity(user), **os.environ}) if entries else {}
    lines: list[dict[str, Any]] = []
    bad: list[Bad] = []
    for one in entries:
        try:
            job = _body(server, one, user, {**variables, **one.variables})
        except (WrongUse, Refused, LaunchyardError) as error:
            bad.append(Bad(one.first, one.last, _sentence(error)))
            continue
        lines.append({"spec": one.spec, "first_line": one.first, "last_line": one.last, "job": job})
    return lines, bad


def _identity(user: pwd.struct_passwd) -> dict[str, str]:
    return {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name, "SHELL": user.pw_shell}


def _sentence(error: Exception) -> str:
    lines = error.lines if isinstance(error, Refused) else (str(error),)
    return " ".join(line.removeprefix("error: ") for line in lines)


def _body(server: Server, entry: Entry, user: pwd.struct_passwd, variables: dict[str, str]) -> dict[str, Any]:
    given = parse(entry.words, OPTIONS)
    if given.rest:
        raise WrongUse(f"Invalid option found in #SCRON line: {given.rest[0]}")
    for name, _ in given.options:
        if name in NOT_HERE:
            raise WrongUse(f"--{name} is no option of a line of a crontab")
    choices = Choices(given.options, (), [], [])
    options: Asked = asked(choices)
    options.pop("note", None)
    options.pop("begin", None)
    options["name"] = (options.get("name") or name_of(entry))[:NAME_MAX]
    options["partition"] = choices.last("partition") or options.get("partition")
    options.setdefault("requeue", True)
    options.setdefault("keep_on_failed_dependency", True)
    options["keep_beyond_limits"] = True
    options.setdefault("append", False)
    options["working_dir"] = posixpath.normpath(
        posixpath.join(user.pw_dir, options.get("working_dir") or ".")
    )
    options["stdout"] = _file(options.get("stdout")) or "slurm-%j.out"
    options["stderr"], options["stdin"] = _file(options.get("stderr")), _file(choices.last("input"))
    options["environment"] = {**variables, **options.get("environment", {})}
    options["metadata"] = {**options.get("metadata", {}), **_facts(entry, user)}
    body = body_of(options, _moment)
    body["script"] = script_of(entry, user.pw_shell)
    if "," in (body.get("partition") or ""):
        importlib.import_module("launchyard.cli.slurm.batch.partitions").choose(server, body)
    return body


def _facts(entry: Entry, user: pwd.struct_passwd) -> dict[str, str]:
    """What the job shows of where it comes from."""
    return {
        kept.COMMAND: entry.command,
        kept.CRON: entry.spec,
        kept.SUBMIT_LINE: "scrontab",
        kept.SUBMIT_HOST: os.uname().nodename.partition(".")[0],
        kept.SUBMIT_DIR: user.pw_dir,
        kept.UMASK: "0022",
    }


def _moment(text: str) -> str:
    try:
        return rfc3339_of(text)
    except Invalid:
        raise WrongUse("Invalid --deadline specification") from None


def _file(pattern: str | None) -> str | None:
    return "/dev/null" if pattern is not None and pattern.lower() == "none" else pattern or None
