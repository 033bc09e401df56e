"""Accounts of this machine for tests. Its tools refuse while another of them works: they are asked again."""

import pwd
import subprocess
import time

PATIENCE_S = 60.0


def account(name: str) -> pwd.struct_passwd:
    """An ordinary account for tests, made when it is missing (root only)."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        run("useradd", "--create-home", "--shell", "/bin/sh", name)
        return pwd.getpwnam(name)


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
