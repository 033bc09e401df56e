"""Users who are changed or deleted on the machine are so for the server, within half a minute: as root."""

import asyncio
import os
import pwd
import secrets
import subprocess
import sys

import pytest

from launchyard.controller.users import FRESH_S, UserEntry, Users
from tests.system.accounts import account, run

pytestmark = pytest.mark.root


def test_users_are_looked_up_anew_and_forgotten_when_they_are_gone() -> None:
    name = f"lyusr{os.getpid() % 10_000}{secrets.token_hex(2)}"
    uid, now = account(name).pw_uid, [100.0]
    users = Users(clock=lambda: now[0])

    def load() -> UserEntry | None:
        return asyncio.run(users.load(uid))

    try:
        first = load()
        assert first is not None
        assert first.name == name
        run("usermod", "--append", "--groups", "games", name)
        assert load() is first, "lately looked up"
        now[0] += FRESH_S
        changed = load()
        assert changed is not None
        assert "games" in changed.groups
        now[0] += FRESH_S
        assert load() is changed, "the same entry stays the same object"
    finally:
        run("userdel", "--remove", name, check=False)
    assert asyncio.run(users.is_known(name)), "within half a minute"
    now[0] += FRESH_S
    assert load() is None
    assert users.entry(uid) is None
    assert not asyncio.run(users.is_known(name))


def test_a_refresh_forgets_who_is_gone() -> None:
    name = f"lyusr{os.getpid() % 10_000}{secrets.token_hex(2)}"
    uid, users = account(name).pw_uid, Users()
    try:
        assert asyncio.run(users.load(uid)) is not None
    finally:
        run("userdel", "--remove", name, check=False)
    asyncio.run(users.refresh())
    assert users.entry(uid) is None


def test_servers_that_start_for_the_first_time_at_once_make_one_user() -> None:
    name = f"lyusr{os.getpid() % 10_000}{secrets.token_hex(2)}"
    text = f"from launchyard.daemonuser import daemon_user; print(daemon_user({name!r}).uid)"
    command = [sys.executable, "-c", text]
    starting = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    try:
        told = [one.communicate(timeout=60) for one in starting]
        assert {out for out, _ in told} == {b"%d\n" % pwd.getpwnam(name).pw_uid}
        assert sum(b"Made the system user" in err for _, err in told) == 1
    finally:
        run("userdel", name, check=False)
