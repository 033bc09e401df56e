"""Suspending and resuming launches, and moving their time limits, over a restart of the launcher too."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from launchyard.launcher import messages
from tests.system.accounts import account_of_ours
from tests.system.launcher_client import Client, Rig, temporary_rig, wait_for

pytestmark = pytest.mark.root

TICKS = "while :; do echo tick; sleep 0.05; done"


@pytest.fixture(params=["root", "user"])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """With cgroups, which freeze, and without, where processes are stopped."""
    user = account_of_ours().pw_name if request.param == "user" else None
    with temporary_rig(user=user) as one:
        yield one


def stands_still(rig: Rig, l: str) -> bool:
    """Nothing was written for a good while (the job writes twenty lines a second)."""
    before, since = rig.log(l), time.monotonic()
    while time.monotonic() < since + 0.7:
        time.sleep(0.05)
    return rig.log(l) == before


def begun(rig: Rig, client: Client, l: str, **options: object) -> None:
    client.send(rig.sh(TICKS, l=l, **options))
    wait_for(lambda: rig.log(l).count("tick") > 2, hint="it runs")


def goes_on(rig: Rig, l: str) -> None:
    count = rig.log(l).count("tick")
    wait_for(lambda: rig.log(l).count("tick") > count + 2, hint="it goes on")


def suspend(rig: Rig, client: Client, l: str) -> None:
    client.send(messages.suspend(l))
    wait_for(lambda: stands_still(rig, l), hint="it stands still")


def restart(rig: Rig) -> Client:
    before = rig.launcher_pid()
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: before not in rig.pids(), hint="the launcher is gone")
    return rig.connect()


def passed(seconds: float) -> None:
    since = time.monotonic()
    wait_for(lambda: time.monotonic() > since + seconds)


def test_a_suspended_launch_stands_still_and_goes_on(rig: Rig) -> None:
    client = rig.connect()
    begun(rig, client, "a")
    suspend(rig, client, "a")
    client.send(messages.suspend("a"))
    client.send(messages.resume("a"))
    goes_on(rig, "a")


@pytest.mark.slow
def test_a_time_limit_does_not_run_while_it_is_suspended(rig: Rig) -> None:
    client = rig.connect()
    begun(rig, client, "a", time_limit_s=3, grace_s=1)
    suspend(rig, client, "a")
    passed(3.5)
    assert client.heard("ended", l="a") is None
    client.send(messages.resume("a"))
    goes_on(rig, "a")
    assert client.ended("a")["timed_out"]


def test_a_suspended_launch_can_be_killed(rig: Rig) -> None:
    client = rig.connect()
    begun(rig, client, "a")
    suspend(rig, client, "a")
    client.send(messages.kill("a", signal=signal.SIGTERM, grace_s=300))
    assert client.ended("a")["signal"] == signal.SIGTERM


def test_a_suspended_launch_can_be_killed_outright(rig: Rig) -> None:
    client = rig.connect()
    begun(rig, client, "a")
    suspend(rig, client, "a")
    client.send(messages.kill("a", signal=signal.SIGKILL, grace_s=0))
    assert client.ended("a")["signal"] == signal.SIGKILL


@pytest.mark.slow
def test_a_launch_stays_suspended_over_a_restart_of_the_launcher(rig: Rig) -> None:
    client = rig.connect()
    begun(rig, client, "a", time_limit_s=4, grace_s=1)
    suspend(rig, client, "a")
    client = restart(rig)
    passed(4)
    assert stands_still(rig, "a")
    assert client.heard("ended", l="a") is None
    client.send(messages.resume("a"))
    goes_on(rig, "a")
    assert client.ended("a")["timed_out"]


def test_a_lowered_limit_ends_a_launch_and_a_raised_one_lets_it_live(rig: Rig) -> None:
    client = rig.connect()
    begun(rig, client, "short", time_limit_s=600, grace_s=1)
    begun(rig, client, "long", time_limit_s=8, grace_s=1)
    began = time.monotonic()
    client.send(messages.limit("short", 1), messages.limit("long", None))
    assert client.ended("short")["timed_out"]
    client = restart(rig)
    passed(8 - (time.monotonic() - began))
    goes_on(rig, "long")
    assert client.heard("ended", l="long") is None
