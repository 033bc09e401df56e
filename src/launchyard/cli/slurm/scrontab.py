"""scrontab: show, edit, replace or remove one's table of jobs that come again and again."""

import importlib
import os
import sys

from launchyard.cli.slurm.about import print_version
from launchyard.cli.slurm.arguments import Given, WrongUse, options, parse
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.model.crontext import commented
from launchyard.model.errors import LaunchyardError, NotFound
from launchyard.model.light import NamedTuple
from launchyard.slurm.complaints import FAILED, refusal
from launchyard.slurm.crontab import BAD, EXAMPLE, Bad, read_table

OPTIONS = options(
    value="user",
    nothing="edit list remove verbose version help usage",
    letters="e:edit l:list r:remove u:user v:verbose V:version",
)
USAGE = """\
Usage: scrontab [-u USER] FILE     take the table in this file (- is the standard input)
       scrontab [-u USER] -e       edit the table (the same without any option)
       scrontab [-u USER] -l       show it
       scrontab [-u USER] -r       remove it; its waiting jobs end
  -v say more   -V, --version   --help
"""
BYTES_MAX = 256 * 1024


class Wrong(NamedTuple):
    """What is wrong with a table: what a person is told, and the lines."""

    told: str
    lines: list[Bad]


def run(arguments: list[str]) -> int:
    try:
        given = parse(arguments, OPTIONS)
    except WrongUse as error:
        print(f"scrontab: {error.line}\n{USAGE}", end="", file=sys.stderr)
        return 1
    if given.count("help") or given.count("usage"):
        print(USAGE, end="")
        return 0
    if given.count("version"):
        return print_version()
    if given.count("list") + given.count("remove") + given.count("edit") + bool(given.rest) > 1:
        print(USAGE, end="", file=sys.stderr)
        return 1
    _become(given)
    server = Server()
    if given.count("list"):
        return _list(server)
    if given.count("remove"):
        return _remove(server)
    if given.rest:
        return _take(server, _read(given.rest))
    return _edit(server)


def _become(given: Given) -> None:
    """Another user's table: root becomes that user."""
    name = given.last("user")
    if name is None:
        return
    people = importlib.import_module("launchyard.cli.slurm.people")
    uid = people.uid_of(name)
    if uid is None:
        raise Refused(f"fatal: Could not find user {name}")
    if uid == os.getuid():
        return
    if os.getuid() != 0:
        raise Refused("error: Access/permission denied: only root may use the crontab of somebody else")
    importlib.import_module("launchyard.cli.slurm.batch.identity").become(name, None)
    entry = importlib.import_module("pwd").getpwuid(os.getuid())
    os.environ.update(HOME=entry.pw_dir, USER=entry.pw_name, LOGNAME=entry.pw_name, SHELL=entry.pw_shell)


def _kept(server: Server) -> str | None:
    """The table as it is now; None: there is none."""
    try:
        text: str = server.get("/v1/slurm/crontab")["text"]
    except LaunchyardError as error:
        if isinstance(error, NotFound) or error.status == 404:
            return None
        raise
    return text


def _list(server: Server) -> int:
    text = _kept(server)
    if text is None:
        print(f"no crontab for {importlib.import_module('pwd').getpwuid(os.getuid()).pw_name}")
        return 1
    print(text, end="")
    return 0


def _remove(server: Server) -> int:
    """One that is not there is gone already."""
    try:
        server.transport.json("DELETE", "/v1/slurm/crontab")
    except LaunchyardError as error:
        if error.status != 404:
            raise
    return 0


def _read(rest: list[str]) -> str:
    if len(rest) > 1:
        raise Refused(f"error: too many files: {' '.join(rest[1:])}")
    try:
        if rest[0] == "-":
            data = sys.stdin.buffer.read(BYTES_MAX + 1)
        else:
            with open(rest[0], "rb") as file:
                data = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise Refused(f"fatal: failed to open file {rest[0]}: {error.strerror}") from None
    if len(data) > BYTES_MAX:
        raise Refused(f"error: the crontab is longer than {BYTES_MAX} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Refused(f"error: {rest[0]} is not UTF-8 (byte {error.start + 1})") from None


def _take(server: Server, text: str) -> int:
    wrong = _put(server, text)
    if wrong is None:
        return 0
    print(wrong.told)
    return 1


def _put(server: Server, text: str) -> Wrong | None:
    """Check the table and send it; None: it is in force."""
    entries, bad = read_table(text)
    crontable = importlib.import_module("launchyard.cli.slurm.crontable")
    lines, refused = crontable.lines_of(server, entries)
    bad = sorted([*bad, *refused])
    if bad:
        for one in bad:
            print(f"scrontab: error: {_where(one)}: {one.why}", file=sys.stderr)
        return Wrong("There are errors in your crontab.", bad)
    try:
        server.post("/v1/slurm/crontab", {"text": text, "lines": lines})
    except LaunchyardError as error:
        where, colon, sentence = str(error).partition(": ")
        span = where.rpartition(" ")[2].split("-")
        if not colon or not where.startswith("line") or not all(part.isdigit() for part in span):
            raise
        reason = refusal(error.code, sentence)[-1].removeprefix(f"error: {FAILED}: ")
        told = (
            f"There was an issue with the job submission on lines {'-'.join(span)}\n"
            f"The error code return was: {reason}\nThe error message was: {sentence}"
        )
        return Wrong(told, [Bad(int(span[0]), int(span[-1]), sentence)])
    return None


def _where(one: Bad) -> str:
    return f"line {one.last}" if one.first == one.last else f"lines {one.first}-{one.last}"


def _edit(server: Server) -> int:
    """Until the table is right, or nobody wants to go on."""
    before = _kept(server)
    text = EXAMPLE if before is None else before
    while True:
        edited = _edited(text)
        if edited == (before if before is not None else EXAMPLE):
            print("No modification made")
            return 0
        wrong = _put(server, edited)
        if wrong is None:
            return 0
        again = _again(wrong)
        if again is not True:
            return 1 if again is None else 0
        text = edited
        for one in wrong.lines:
            text = commented(text, one.first, one.last, BAD)


def _again(wrong: Wrong) -> bool | None:
    """None: there is nobody to ask."""
    while True:
        print(
            f"{wrong.told}\nThe failed line(s) is commented out with #BAD:\n"
            "Do you want to retry the edit? (y/n) ",
            end="",
            flush=True,
        )
        answer = sys.stdin.readline()
        if not answer:
            print()
            return None
        if answer[:1].lower() in ("y", "n"):
            return answer[:1].lower() == "y"


def _edited(text: str) -> str:
    """What the user's editor makes of it."""
    subprocess = importlib.import_module("subprocess")
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    descriptor, path = importlib.import_module("tempfile").mkstemp(prefix="scrontab-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        try:
            code = subprocess.run(
                ["/bin/sh", "-c", f'{editor} "$1"', "scrontab", path], check=False
            ).returncode
        except OSError as error:
            raise Refused(f"fatal: cannot run the editor {editor}: {error.strerror}") from None
        if code:
            raise Refused("fatal: editor returned non-zero exit code")
        return _read([path])
    finally:
        if os.path.exists(path):
            os.unlink(path)
