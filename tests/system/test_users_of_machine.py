"""Users who are changed or deleted on the machine are so for the server, within half a minute: as root."""

import asyncio
import os
import secrets

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
