"""Whose files, and below which folders: what every route of files begins with."""

import posixpath
from collections.abc import Sequence

from starlette.requests import HTTPConnection

from launchyard.api.context import caller_of, context_of
from launchyard.controller.users import UserEntry
from launchyard.engine.files import Files, Who
from launchyard.model.errors import Invalid, Unavailable
from launchyard.model.number import shown

PATH_MAX = 4_096


def files_of(connection: HTTPConnection) -> Files:
    files = context_of(connection).services.files
    if files is None:
        raise Unavailable("this server serves no files")
    return files


def who(connection: HTTPConnection) -> Who:
    """The caller, and the folders that it may open here."""
    services, caller = context_of(connection).services, caller_of(connection)
    return Who(uid=caller.uid, roots=roots_of(services.file_roots, services.users.entry(caller.uid)))


def roots_of(configured: Sequence[str], entry: UserEntry | None) -> list[str]:
    """`~` and `{user}` filled in; a user without a home has only what else there is."""
    home, name = ("", "") if entry is None else (entry.home, entry.name)
    found = []
    for root in configured:
        text = root.replace("{user}", name)
        if text == "~" or text.startswith("~/"):
            text = home + text[1:] if home else ""
        if text.startswith("/"):
            found.append(posixpath.normpath(text))
    return list(dict.fromkeys(found))


def checked_path(asked: str | None, user: Who) -> str:
    """An absolute path, with the home for `~`; none: the first folder that there is."""
    if not user.roots:
        raise Unavailable("you have no home directory here, and no other folder is open to all")
    path = asked or user.roots[0]
    if path == "~" or path.startswith("~/"):
        path = user.roots[0] + path[1:]
    if not path.startswith("/"):
        raise Invalid(f"the path {shown(path)} is not absolute; write for example ~/data")
    if len(path) > PATH_MAX or "\0" in path:
        raise Invalid(f"the path {shown(path)} is longer than {PATH_MAX} characters, or holds a NUL")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise Invalid(f"the path {shown(path)} is not Unicode; rename it in a terminal") from None
    return path.rstrip("/") or "/"


def parent_of(path: str, roots: Sequence[str]) -> str | None:
    """The folder above; None above the folders that may be opened."""
    return None if path in roots or path == "/" else posixpath.dirname(path)
