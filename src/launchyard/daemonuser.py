"""The system user that the daemon becomes when root starts it; made where it is missing."""

import contextlib
import fcntl
import os
import pwd
import shlex
import shutil
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from launchyard.model.errors import Invalid
from launchyard.model.rayapi import RayApiSettings
from launchyard.statedir import Owner

_PATIENCE_S = 30.0
"""For somebody else who is changing the machine's accounts."""


def daemon_user(name: str) -> Owner:
    """Its ids. Raises `Invalid` when there is no such user, none can be made, or it could not run us."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        entry = _make(name)
    owner = Owner(uid=entry.pw_uid, gid=entry.pw_gid)
    if owner.uid != 0:
        _refuse_hidden_interpreter(name, owner)
    return owner


def refuse_closed_way(state: Path, name: str, owner: Owner) -> None:
    """The daemon's user has to get to the state directory; asked as that user, before anything is started.

    Raises `Invalid`.
    """
    if owner.uid == os.geteuid():
        return
    gid, groups = os.getegid(), os.getgroups()
    os.setgroups([])
    os.setegid(owner.gid)
    os.seteuid(owner.uid)
    try:
        ways = reversed(state.parents)
        closed = next((one for one in ways if not os.access(one, os.X_OK, effective_ids=True)), None)
    finally:
        os.seteuid(0)
        os.setegid(gid)
        os.setgroups(groups)
    if closed is not None:
        raise Invalid(
            f"the user {name} cannot reach the state directory {state} because it may not enter {closed}; "
            f"name another with --state, or run: chmod o+x {shlex.quote(str(closed))}"
        )


def _make(name: str) -> pwd.struct_passwd:
    """One server at a time: of two that make the same user at once the later one changes its uid."""
    accounts = os.open("/etc", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(accounts, fcntl.LOCK_EX)
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
        return _made(name)
    finally:
        os.close(accounts)


def _made(name: str) -> pwd.struct_passwd:
    useradd = shutil.which("useradd", path="/usr/sbin:/usr/bin:/sbin:/bin")
    command = [useradd or "useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
    deadline, why = time.monotonic() + _PATIENCE_S, "there is no useradd"
    while useradd:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            print(f"Made the system user {name} for the daemon.", file=sys.stderr)
            return pwd.getpwnam(name)
        why = done.stderr.strip()
        if "lock" not in why or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    raise Invalid(f"cannot make the system user {name} ({why}); make it, then start again")


def _refuse_hidden_interpreter(name: str, owner: Owner) -> None:
    """The daemon's user and the helpers of every user execute this interpreter and read this package."""
    for path in (Path(sys.executable).resolve(), Path(sys.prefix), Path(__file__).resolve()):
        for part in (path, *path.parents):
            if not _reachable(part.stat(), owner):
                raise Invalid(
                    f"the user {name} cannot reach {path} because of the mode of {part}; install Launchyard "
                    f'where every user can read it, or set daemon_user = "root" in the configuration'
                )


def _reachable(found: os.stat_result, owner: Owner) -> bool:
    wanted = 0o1 if stat.S_ISDIR(found.st_mode) else 0o4
    if found.st_uid == owner.uid:
        return found.st_mode >> 6 & wanted == wanted
    return found.st_mode & wanted == wanted


def anonymous(ray_api: RayApiSettings, only_uid: int | None) -> RayApiSettings:
    """With the uid of the user whom it names. Raises `Invalid` for one that cannot be served.

    `only_uid`: the server serves that user alone.
    """
    name = ray_api.anonymous_user
    if name is None:
        return ray_api
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        raise Invalid(f"ray_api.anonymous_user is {name}, and there is no such user here") from None
    if only_uid not in (None, uid):
        raise Invalid(f"ray_api.anonymous_user is {name}, but this server serves uid {only_uid} alone")
    return replace(ray_api, anonymous_uid=uid)
