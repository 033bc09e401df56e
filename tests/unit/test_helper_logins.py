"""The variables of a login, whatever a profile does."""

import os
import time
from pathlib import Path

import pytest

from launchyard.engine.channel import Channel, Request
from launchyard.helper.logins import login_variables
from tests.unit.helper_process import Helpers


def of(home: Path, profile: str, shell: str = "/bin/bash", limit_s: float = 30) -> dict[str, str]:
    for name in (".bash_profile", ".profile"):
        (home / name).write_text(profile)
    bare = {"HOME": str(home), "SHELL": shell, "USER": "ada", "LOGNAME": "ada"}
    return login_variables(bare, limit_s)


def test_what_the_profile_sets_is_there(tmp_path: Path) -> None:
    found = of(tmp_path, 'export PATH="$HOME/bin:$PATH" TEXT="two\nlines = ü"\n')

    assert found["PATH"].startswith(f"{tmp_path}/bin:")
    assert found["TEXT"] == "two\nlines = ü"
    assert found["HOME"] == str(tmp_path)
    assert not {"_", "SHLVL", "PWD", "TERM"} & found.keys()


def test_what_the_profile_prints_and_leaves_running_does_no_harm(tmp_path: Path) -> None:
    began = time.monotonic()
    found = of(tmp_path, "echo A=1; echo B=2 >&2; sleep 300 & export C=3; read answer\n")

    assert found["C"] == "3"
    assert "A" not in found
    assert time.monotonic() - began < 30


def test_a_profile_that_never_ends_is_ended(tmp_path: Path) -> None:
    assert of(tmp_path, "sleep 300\n", limit_s=0.3) == {}


def test_a_profile_that_ends_the_shell_says_nothing(tmp_path: Path) -> None:
    assert of(tmp_path, "exit 0\n") == {}


@pytest.mark.parametrize("shell", ["/bin/sh", "/usr/bin/fish", "/usr/sbin/nologin", ""])
def test_other_shells_are_asked_or_replaced(tmp_path: Path, shell: str) -> None:
    assert of(tmp_path, "export A=1\n", shell)["A"] == "1"


def test_what_is_no_text_is_left_out(tmp_path: Path) -> None:
    found = of(tmp_path, "export A=$'\\xff' B=1\n")

    assert "A" not in found
    assert found["B"] == "1"


@pytest.mark.served
def test_a_helper_asks_the_shell_of_its_own_user() -> None:
    helpers = Helpers()

    async def ask(channel: Channel) -> None:
        with Request(channel, {"t": "login", "limit_s": 30.0}) as request:
            request.over = True
            message = await request.next()
        assert message["t"] == "login"
        assert message["variables"]["HOME"]

    try:
        helpers.with_channel(ask, os.getuid())
    finally:
        helpers.end()
