"""What a launcher says of a process that ended unseen, when it may never have been the user's program."""

import contextlib
import os
import pwd
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from launchyard.launcher import processes
from launchyard.launcher.journal import Journal
from launchyard.launcher.messages import Message
from launchyard.launcher.pipes import UNBORN
from tests.system.accounts import account_of_ours
from tests.system.launcher_client import Client, temporary_rig, wait_for

pytestmark = pytest.mark.root

LOST = {"lost": True}


@pytest.fixture(scope="module")
def eve() -> pwd.struct_passwd:
    return account_of_ours()


@contextlib.contextmanager
def taken_up(eve: pwd.struct_passwd, text: str, *, as_root: bool, over: bool) -> Iterator[Client]:
    """A launcher whose journal has the start of a process of ours, which is `over` by then and not reaped."""
    with temporary_rig(user=None if as_root else eve.pw_name) as rig:
        welcome = rig.connect().welcome
        rig.stop()
        process = subprocess.Popen(
            ["sh", "-c", text], user=eve.pw_uid, group=eve.pw_gid, stdin=subprocess.PIPE
        )
        start = processes.start_time(process.pid)
        wait_for(lambda: not over or not processes.alive(process.pid, start or 0), hint="it has ended")
        head: dict[str, Any] = {"k": "head", "v": 1, "epoch": welcome["epoch"], "boot": welcome["boot_id"]}
        intent = {"k": "intent", "l": "a", "job": 1, "uid": eve.pw_uid, "spool_log": "x"}
        began = {"k": "start", "l": "a", "q": 1, "p": process.pid, "s": start, "at": 1.0, "b": 1.0}
        journal = rig.state_dir / "launcher/journal"
        Journal(str(journal)).rewrite([head | {"q": 0, "a": 0}, intent, began])
        os.chown(journal, rig.uid, -1)
        rig.start()
        try:
            client = rig.connect()
            process.communicate(b"")
            yield client
        finally:
            process.kill()
            process.wait()


def told_of(ended: Message) -> dict[str, Any]:
    return {name: ended[name] for name in ("exit_code", "signal", "lost") if name in ended}


@pytest.mark.parametrize("as_root", [True, False])
@pytest.mark.parametrize(
    ("text", "as_user_of_the_machine", "as_root_of_it"),
    [
        ("exit 3", {"exit_code": 3}, {"exit_code": 3}),
        ("kill -KILL $$", {"signal": signal.SIGKILL}, {"signal": signal.SIGKILL}),
        # The code of the interpreter's C code, which starts what a launcher of one user runs.
        ("exit 255", LOST, {"exit_code": 255}),
        (f"kill -{UNBORN} $$", LOST, LOST),
    ],
)
def test_what_may_be_the_end_of_a_set_up_is_not_told_as_the_programs(
    eve: pwd.struct_passwd,
    text: str,
    as_root: bool,
    as_user_of_the_machine: dict[str, Any],
    as_root_of_it: dict[str, Any],
) -> None:
    with taken_up(eve, text, as_root=as_root, over=True) as client:
        assert told_of(client.ended("a")) == (as_root_of_it if as_root else as_user_of_the_machine)


@pytest.mark.parametrize(
    ("text", "end"),
    [("read line; exit 255", {"exit_code": 255}), (f"read line; kill -{UNBORN} $$", {"signal": UNBORN})],
)
def test_the_end_of_a_program_that_was_seen_to_run_is_its_own(
    eve: pwd.struct_passwd, text: str, end: dict[str, Any]
) -> None:
    with taken_up(eve, text, as_root=False, over=False) as client:
        assert told_of(client.ended("a")) == end
