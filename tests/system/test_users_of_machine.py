"""Users who are changed or deleted on the machine are so for the server, within half a minute: as root."""

import asyncio
import os
import pwd
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from launchyard.controller.users import FRESH_S, UserEntry, Users
from launchyard.daemonlog import open_log
from launchyard.model.errors import Invalid
from tests.system.accounts import account, run
from tests.system.person import for_all
from tests.system.product import Product, Refused

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


def test_a_way_that_the_daemons_user_may_not_go_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    product = Product(closed / "s", for_all())
    try:
        with pytest.raises(Refused) as refused:
            product.start()
        started = (closed / "s" / "launcher" / "launcher.log").exists()
    finally:
        product.destroy()

    shut = next(one for one in reversed((closed / "s").parents) if not one.stat().st_mode & 0o001)
    assert (refused.value.status, refused.value.problem["error"]) == (
        2,
        f"the user launchyard cannot reach the state directory {closed / 's'} because it may not enter "
        f"{shut}; name another with --state, or run: chmod o+x {shut}",
    )
    assert not started


def test_a_log_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "daemon.log"
    path.mkdir()

    with pytest.raises(Invalid, match=f"^cannot write the log {path}: Is a directory; remove it or give it"):
        open_log(path)
