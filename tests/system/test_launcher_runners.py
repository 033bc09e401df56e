"""Runners of steps: in their launch, signalled alone, killed whole, their ends told until forgotten."""

import os
import pwd
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from launchyard.launcher import messages
from launchyard.launcher.messages import Message
from tests.system.accounts import account_of_ours
from tests.system.launcher_client import (
    ENV,
    Client,
    Rig,
    processes_with,
    temporary_rig,
    wait_for,
    zombies_of,
)

pytestmark = pytest.mark.root

Yard = tuple[Rig, Client]


@pytest.fixture(scope="module")
def eve() -> pwd.struct_passwd:
    return account_of_ours()


@pytest.fixture(scope="module", params=["root", "user"])
def yard(request: pytest.FixtureRequest, eve: pwd.struct_passwd) -> Iterator[Yard]:
    user = eve.pw_name if request.param == "user" else None
    with temporary_rig(user=user) as rig:
        yield rig, rig.connect()


def begin(yard: Yard, uid: int, l: str, text: str = "exec sleep 1000") -> None:
    rig, client = yard
    client.send(rig.sh(text, l=l, uid=uid))
    client.expect("started", l=l)


def end(yard: Yard, l: str) -> None:
    _, client = yard
    client.send(messages.kill(l, signal=signal.SIGKILL, grace_s=0))
    client.ended(l)


def runner(l: str, uid: int, text: str, number: int = 0) -> Message:
    argv: Sequence[str] = ["sh", "-c", text]
    return messages.runner(id=f"{l}.{number}.0", l=l, uid=uid, argv=argv, env=ENV)


def test_the_end_of_a_runner_is_told_with_what_it_used(yard: Yard, eve: pwd.struct_passwd) -> None:
    _, client = yard
    begin(yard, eve.pw_uid, "used")
    text = "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; exit 7"

    client.send(runner("used", eve.pw_uid, text), runner("used", eve.pw_uid, "exit 9"))

    ended = client.expect("runner_ended", id="used.0.0")
    assert (ended["exit_code"], ended.get("ending"), ended.get("oom")) == (7, None, None)
    assert ended["cpu_s"] > 0
    assert ended["memory_peak_mib"] > 0
    end(yard, "used")


def test_a_signal_for_the_steps_reaches_the_runners_alone(yard: Yard, eve: pwd.struct_passwd) -> None:
    rig, client = yard
    begin(yard, eve.pw_uid, "told", "trap 'echo told' USR1; echo up; while :; do sleep 0.05; done")
    wait_for(lambda: rig.log("told", eve.pw_uid) == "up\n")
    out = Path("/tmp") / f"{rig.state_dir.name}.runner"
    text = f"trap 'exit 3' USR1; echo ready > {out}; while :; do sleep 0.05; done"
    client.send(runner("told", eve.pw_uid, text))
    wait_for(out.exists)
    client.send(messages.usage("u"))
    used = client.expect("usage", id="u")["launches"]
    assert used["told.0.0"]["processes"] >= 1
    assert used["told.0.0"]["memory_mib"] > 0

    client.send(messages.signal("told", signal.SIGUSR1, steps_only=True))

    assert client.expect("runner_ended", id="told.0.0")["exit_code"] == 3
    assert rig.log("told", eve.pw_uid) == "up\n"
    client.send(messages.signal("told", signal.SIGUSR1, main_only=True))
    wait_for(lambda: rig.log("told", eve.pw_uid) == "up\ntold\n")
    out.unlink()
    end(yard, "told")


def test_a_runner_that_does_not_go_is_killed_with_all_it_started(yard: Yard, eve: pwd.struct_passwd) -> None:
    _, client = yard
    begin(yard, eve.pw_uid, "stubborn")
    mark = f"9{os.getpid()}"
    stubborn = f"while :; do sleep {mark}; done"
    client.send(runner("stubborn", eve.pw_uid, f"trap '' TERM; {stubborn} & {stubborn}"))
    wait_for(lambda: len(processes_with(f"sleep\0{mark}")) == 2)

    client.send(messages.signal_runner("stubborn.0.0", signal.SIGTERM, grace_s=0.2))

    assert client.expect("runner_ended", id="stubborn.0.0")["signal"] == signal.SIGKILL
    wait_for(lambda: not processes_with(f"sleep\0{mark}"))
    assert client.find("ended", l="stubborn") is None
    end(yard, "stubborn")


def test_a_runner_ends_with_its_launch_and_says_so_before_it(yard: Yard, eve: pwd.struct_passwd) -> None:
    rig, client = yard
    over, mark = Path("/tmp") / f"{rig.state_dir.name}.over", f"6{os.getpid()}"
    begin(yard, eve.pw_uid, "brief", f"while [ ! -e {over} ]; do sleep 0.05; done")
    client.send(runner("brief", eve.pw_uid, f"exec sleep {mark}"))
    wait_for(lambda: processes_with(f"sleep\0{mark}"))

    over.touch()
    client.ended("brief")
    over.unlink()

    told = client.expect("runner_ended", id="brief.0.0")
    assert (told["signal"], told["ending"]) == (signal.SIGTERM, True)
    kinds = [
        message["t"] for message in client.said if "brief" in (message.get("l"), message.get("id", "")[:5])
    ]
    assert kinds.index("runner_ended") < kinds.index("ended")


def test_steps_have_the_grace_of_their_job_although_its_script_died_at_once(
    yard: Yard, eve: pwd.struct_passwd
) -> None:
    _, client = yard
    begin(yard, eve.pw_uid, "saves")
    mark = f"8{os.getpid()}"
    client.send(runner("saves", eve.pw_uid, f"trap 'sleep 0.3; exit 4' TERM; sleep {mark} & wait"))
    wait_for(lambda: processes_with(f"sleep\0{mark}"))

    client.send(messages.kill("saves", signal=signal.SIGTERM, grace_s=30))

    told = client.expect("runner_ended", id="saves.0.0")
    assert (told["exit_code"], told["ending"]) == (4, True)
    assert client.ended("saves")["signal"] == signal.SIGTERM
    wait_for(lambda: not processes_with(f"sleep\0{mark}"))


def test_steps_that_do_not_end_with_their_job_are_killed_after_its_grace(
    yard: Yard, eve: pwd.struct_passwd
) -> None:
    rig, client = yard
    mark = f"7{os.getpid()}"
    text = f"until [ -e /tmp/{mark} ]; do sleep 0.05; done"
    client.send(rig.sh(text, l="stays", uid=eve.pw_uid, grace_s=0.3))
    client.expect("started", l="stays")
    client.send(runner("stays", eve.pw_uid, f"trap '' TERM; while :; do sleep {mark}; done"))
    wait_for(lambda: processes_with(f"sleep\0{mark}"))

    Path(f"/tmp/{mark}").touch()

    told = client.expect("runner_ended", id="stays.0.0")
    assert (told["signal"], told["ending"]) == (signal.SIGKILL, True)
    assert client.ended("stays")["exit_code"] == 0
    Path(f"/tmp/{mark}").unlink()


def test_a_runner_that_went_before_its_launch_did_not_end_with_it(yard: Yard, eve: pwd.struct_passwd) -> None:
    rig, client = yard
    first, second = (Path("/tmp") / f"{rig.state_dir.name}.{name}" for name in ("first", "second"))
    begin(yard, eve.pw_uid, "before", f"while [ ! -e {second} ]; do sleep 0.02; done")
    client.send(runner("before", eve.pw_uid, f"while [ ! -e {first} ]; do sleep 0.02; done; exit 7"))
    wait_for(lambda: processes_with(f"{first} ]; do"))
    launcher = rig.launcher_pid()

    os.kill(launcher, signal.SIGSTOP)
    try:
        first.touch()
        wait_for(lambda: len(zombies_of(launcher)) == 1)
        second.touch()
        wait_for(lambda: len(zombies_of(launcher)) == 2)
    finally:
        os.kill(launcher, signal.SIGCONT)

    told = client.expect("runner_ended", id="before.0.0")
    assert (told["exit_code"], told.get("ending")) == (7, None)
    client.ended("before")
    first.unlink()
    second.unlink()


def test_what_cannot_start_says_why(yard: Yard, eve: pwd.struct_passwd) -> None:
    _, client = yard
    begin(yard, eve.pw_uid, "strict")
    missing = messages.runner(id="strict.3.0", l="strict", uid=eve.pw_uid, argv=["nope"], env=ENV)

    client.send(runner("strict", eve.pw_uid + 1, "exit 0", 1), runner("none", eve.pw_uid, "exit 0"), missing)

    assert "is not of user" in client.expect("runner_ended", id="strict.1.0")["error"]
    assert "is not running" in client.expect("runner_ended", id="none.0.0")["error"]
    assert "no command 'nope'" in client.expect("runner_ended", id="strict.3.0")["error"]
    end(yard, "strict")


def test_runners_are_found_again_by_the_next_launcher(eve: pwd.struct_passwd) -> None:
    with temporary_rig() as rig:
        client = rig.connect()
        begin((rig, client), eve.pw_uid, "refound")
        flag = rig.state_dir / "flag"
        text = f"while [ ! -e {flag} ]; do sleep 0.05; done; exit 6"
        client.send(runner("refound", eve.pw_uid, "exit 5"), runner("refound", eve.pw_uid, text, 1))
        client.expect("runner_ended", id="refound.0.0")

        os.kill(rig.launcher_pid(), signal.SIGKILL)
        again = rig.connect()
        assert sorted(again.welcome["runners"]) == ["refound.0.0", "refound.1.0"]
        assert again.expect("runner_ended", id="refound.0.0")["exit_code"] == 5
        again.send(messages.forget_runners(["refound.0.0"]), messages.usage("sync"))
        again.expect("usage", id="sync")
        flag.touch()
        ended = again.expect("runner_ended", id="refound.1.0")
        assert (ended["exit_code"], "cpu_s" in ended) == (6, True)

        os.kill(rig.launcher_pid(), signal.SIGKILL)
        last = rig.connect()
        assert last.welcome["runners"] == ["refound.1.0"]
        last.send(messages.kill("refound", signal=signal.SIGKILL, grace_s=0))
        # A connection that comes next may be heard first, and this one not any more: an answer is waited for.
        last.send(messages.ack(last.ended("refound")["seq"]), messages.usage("acked"))
        last.expect("usage", id="acked")
        assert rig.connect().welcome["runners"] == []
