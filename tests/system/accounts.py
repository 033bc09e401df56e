"""Accounts of this machine for tests. Its tools refuse while another of them works: they are asked again."""

import contextlib
import fcntl
import functools
import itertools
import os
import pwd
import subprocess
import time
from collections.abc import Iterator

PATIENCE_S = 60.0


def account(name: str) -> pwd.struct_passwd:
    """An ordinary account for tests, made when it is missing (root only).

    One at a time: on a new machine tests beside each other all miss the same ones, and an account can be
    looked up before it has its home.
    """
    accounts = os.open("/etc", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(accounts, fcntl.LOCK_EX)
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
        run("useradd", "--create-home", "--shell", "/bin/sh", name)
        return pwd.getpwnam(name)
    finally:
        os.close(accounts)


@functools.cache
def account_of_ours() -> pwd.struct_passwd:
    """One that no test process beside this one has: it is ours as long as we live.

    Where there are no cgroups a launcher finds processes by account and launch id.
    """
    for number in itertools.count(1):
        found = account(f"lytestown{number}")
        home = os.open(found.pw_dir, os.O_RDONLY | os.O_DIRECTORY)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(home, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return found
        os.close(home)
    raise AssertionError("numbers have no end")


@contextlib.contextmanager
def acting_as(user: pwd.struct_passwd) -> Iterator[None]:
    """The kernel tells a server this user, for connections made meanwhile."""
    os.setegid(user.pw_gid)
    os.seteuid(user.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def run(*words: str, check: bool = True) -> None:
    """One of useradd, userdel, groupadd, usermod, gpasswd. Raises `AssertionError` with what it says."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode == 0 or (not check and "lock" not in done.stderr):
            return
        assert "lock" in done.stderr, f"{words}: {done.stderr}"
        assert time.monotonic() < deadline, f"{words} after {PATIENCE_S:g} s: {done.stderr}"
        time.sleep(0.05)
