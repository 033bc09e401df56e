"""Passwords, checked by real PAM in the helper's process: with accounts made for it, as root."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from launchyard.engine.passwords import Checked, Passwords, Verdict
from launchyard.model.errors import Unavailable
from tests.system.accounts import run
from tests.system.pamsite import PamSite, pam_site

pytestmark = pytest.mark.root

PASSWORD = "Correct-Horse-7"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PamSite]:
    with pam_site(tmp_path_factory.mktemp("pam")) as made:
        yield made


@pytest.fixture(scope="module")
def ada(site: PamSite) -> str:
    return site.user("ada", PASSWORD)


@contextlib.asynccontextmanager
async def checking(service: str) -> AsyncIterator[Passwords]:
    passwords = Passwords(service)
    try:
        yield passwords
    finally:
        passwords.close()
        await asyncio.to_thread(passwords.process.wait, 60)


def check(site: PamSite, user: str, password: str) -> Checked:
    async def ask() -> Checked:
        async with checking(site.service) as passwords:
            return await passwords.check(user, password, "127.0.0.1")

    return asyncio.run(ask())


def test_the_right_password_says_who_it_is(site: PamSite, ada: str) -> None:
    assert check(site, ada, PASSWORD) == Checked(Verdict.OK, ada)


@pytest.mark.parametrize(
    "password", ["wrong", "", "correct-horse-7", PASSWORD + "x", PASSWORD[:-1], "a\0b", "é" * 500]
)
def test_a_wrong_password_says_nothing(site: PamSite, ada: str, password: str) -> None:
    assert check(site, ada, password) == Checked(Verdict.WRONG, "")


@pytest.mark.parametrize("user", ["no-such-user-here", "", "a\0b", "../etc", "x" * 500, "ada\nroot"])
def test_an_unknown_name_is_like_a_wrong_password(site: PamSite, user: str) -> None:
    """Threat 32."""
    assert check(site, user, PASSWORD) == Checked(Verdict.WRONG, "")


def test_system_users_are_refused_even_with_their_password(site: PamSite) -> None:
    """Nor is it looked at: its answer would come at another time."""
    system = site.user("sys", PASSWORD, "--system")
    assert check(site, system, PASSWORD) == Checked(Verdict.WRONG, "")
    assert check(site, "root", "") == Checked(Verdict.WRONG, "")


def test_an_expired_account_is_barred(site: PamSite) -> None:
    gone = site.user("gone", PASSWORD, "--expiredate", "2020-01-01")
    assert check(site, gone, PASSWORD).verdict is Verdict.BARRED
    assert check(site, gone, "wrong").verdict is Verdict.WRONG


def test_a_password_that_must_be_changed_is_barred(site: PamSite) -> None:
    stale = site.user("old", PASSWORD)
    run("chage", "--lastday", "0", stale)
    assert check(site, stale, PASSWORD).verdict is Verdict.BARRED


def test_a_locked_account_is_refused(site: PamSite) -> None:
    locked = site.user("lock", PASSWORD)
    run("usermod", "--lock", locked)
    assert check(site, locked, PASSWORD).verdict is not Verdict.OK


def test_nobody_logs_in_while_the_machine_is_closed(site: PamSite, ada: str) -> None:
    site.nologin.write_text("maintenance\n")
    try:
        assert check(site, ada, PASSWORD).verdict is not Verdict.OK
    finally:
        site.nologin.unlink()


def test_an_empty_password_lets_nobody_in(site: PamSite) -> None:
    empty = site.user("none", PASSWORD)
    run("passwd", "--delete", empty)
    assert check(site, empty, "").verdict is not Verdict.OK


def test_many_tries_keep_nothing_waiting_and_are_answered_each(site: PamSite, ada: str) -> None:
    """Threat 32: PAM off the event loop."""

    async def ask() -> float:
        async with checking(site.service) as passwords:
            tries = [passwords.check(ada, PASSWORD if n % 2 else "wrong", "::1") for n in range(20)]
            all_of_them = asyncio.gather(*tries)
            longest = 0.0
            while not all_of_them.done():
                before = time.thread_time()
                await asyncio.sleep(0.001)
                longest = max(longest, time.thread_time() - before)
            verdicts = [one.verdict for one in await all_of_them]
            assert verdicts == [Verdict.WRONG, Verdict.OK] * 10
            return longest

    assert asyncio.run(ask()) < 0.1


def test_no_password_is_in_arguments_or_variables(site: PamSite, ada: str) -> None:
    """Threat 15."""

    async def ask() -> None:
        async with checking(site.service) as passwords:
            trying = asyncio.gather(*(passwords.check(ada, PASSWORD, "::1") for _ in range(30)))
            while not trying.done():
                for found in _of_helper(passwords.process.pid):
                    assert PASSWORD.encode() not in found
                await asyncio.sleep(0)
            await trying

    asyncio.run(ask())


def _of_helper(pid: int) -> Iterator[bytes]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            stat = (process / "stat").read_text().rpartition(")")[2].split()
            if int(process.name) == pid or int(stat[1]) == pid:
                yield (process / "cmdline").read_bytes() + (process / "environ").read_bytes()


def test_a_helper_that_died_is_said_and_hangs_nobody(site: PamSite, ada: str) -> None:
    async def ask() -> None:
        async with checking(site.service) as passwords:
            await passwords.check(ada, PASSWORD, "::1")
            passwords.process.kill()
            with pytest.raises(Unavailable, match="ly open"):
                await asyncio.wait_for(passwords.check(ada, PASSWORD, "::1"), 60)

    asyncio.run(ask())


def test_the_helper_ends_with_the_daemon(site: PamSite) -> None:
    passwords = Passwords(site.service)
    passwords.close()
    assert passwords.process.wait(60) == 0
