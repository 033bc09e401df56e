"""Killing launcher and keeper under running jobs: exit codes stay right or are LOST, nothing starts twice."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.engine.keeper import _answers, launch_keeper
from launchyard.launcher import messages
from launchyard.launcher.journal import Journal
from tests.system.accounts import account_of_ours
from tests.system.launcher_client import PATIENCE_S, Client, Rig, processes_with, temporary_rig, wait_for
from tests.system.product import parent_of

pytestmark = pytest.mark.root


@pytest.fixture(params=["root", pytest.param("user", marks=pytest.mark.slow)])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    user = account_of_ours().pw_name if request.param == "user" else None
    with temporary_rig(user=user) as one:
        yield one


@pytest.fixture
def quiet() -> Iterator[Rig]:
    """Not started yet."""
    with temporary_rig(started=False) as one:
        yield one


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def kill_both(rig: Rig) -> None:
    """At once: stopped first, so that neither can see the other die."""
    pids = (rig.keeper_pid(), rig.launcher_pid())
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            os.kill(pid, number)
    wait_for(lambda: not rig.pids(), hint="both are gone")


def running(rig: Rig, client: Client, count: int) -> dict[str, int]:
    """Start jobs that end, each with a code of its own, when a file appears; gives the codes."""
    codes = {f"job-{number}": number + 1 for number in range(count)}
    for l, code in codes.items():
        text = f"echo start >> /tmp/{rig.state_dir.name}.{l}; while [ ! -e {gate(rig)} ]; do sleep 0.02; done"
        client.send(rig.sh(f"{text}; echo last line; exit {code}", l=l))
    wait_for(lambda: all(starts(rig, l) == 1 for l in codes), hint="they run")
    return codes


def gate(rig: Rig) -> Path:
    return Path("/tmp") / f"{rig.state_dir.name}.gate"


def starts(rig: Rig, l: str) -> int:
    path = Path("/tmp") / f"{rig.state_dir.name}.{l}"
    return path.read_text().count("start") if path.exists() else 0


def open_gate(rig: Rig) -> None:
    gate(rig).touch()


def assert_ends(rig: Rig, client: Client, codes: dict[str, int]) -> None:
    for l, code in codes.items():
        end = client.ended(l)
        assert end.get("exit_code") == code, end
        assert rig.log(l) == "last line\n"
        assert starts(rig, l) == 1


def test_jobs_run_on_over_a_killed_launcher(rig: Rig) -> None:
    """F3, F4: kill -9 of the launcher while jobs run; they end after it is back."""
    codes = running(rig, rig.connect(), 5)
    before = rig.launcher_pid()
    kill(before)
    wait_for(lambda: rig.launcher_pid() != before)
    client = rig.connect()
    assert set(codes) <= set(client.welcome["known"])
    open_gate(rig)
    assert_ends(rig, client, codes)


def test_jobs_that_end_while_there_is_no_launcher_keep_their_exit_codes(rig: Rig) -> None:
    """F4: the keeper sees how they end. The launcher is held back by killing it again and again."""
    codes = running(rig, rig.connect(), 5)
    launcher = rig.launcher_pid()
    os.kill(rig.keeper_pid(), signal.SIGSTOP)
    kill(launcher)
    open_gate(rig)
    wait_for(lambda: all("last line" in rig.log(l) for l in codes))
    os.kill(rig.keeper_pid(), signal.SIGCONT)
    assert_ends(rig, rig.connect(), codes)


def test_jobs_that_end_around_many_kills_of_the_launcher_are_right_or_lost(rig: Rig) -> None:
    """F3: ends race with kills; a code that is told is the real one."""
    client = rig.connect()
    codes = {f"race-{number}": number % 200 + 1 for number in range(60)}
    for l, code in codes.items():
        client.send(rig.sh(f"sleep 0.{code % 9 + 1}; exit {code}", l=l))
        client.expect("started", l=l)
    for _ in range(5):
        kill(rig.launcher_pid())
        client = rig.connect()
    for l, code in codes.items():
        end = client.ended(l)
        assert end.get("exit_code") == code or end.get("lost"), end


def test_the_launcher_takes_the_keepers_place(rig: Rig) -> None:
    """F4: kill -9 of the keeper."""
    codes = running(rig, rig.connect(), 3)
    keeper, launcher = rig.keeper_pid(), rig.launcher_pid()
    kill(keeper)
    wait_for(lambda: rig.keeper_pid() == launcher, hint="the launcher became the keeper")
    wait_for(lambda: rig.launcher_pid() not in (0, launcher))
    client = rig.connect()
    open_gate(rig)
    assert_ends(rig, client, codes)
    codes_after = {"after": 9}
    client.send(rig.sh("exit 9", l="after"))
    assert client.ended("after")["exit_code"] == codes_after["after"]


def test_keepers_killed_before_they_have_begun_leave_one_who_takes_their_place(rig: Rig) -> None:
    """F4: kill -9 of each process that has just become the keeper, while its program is still loaded."""
    client = rig.connect()
    client.send(rig.sh("ulimit -Sn", l="before"))
    client.ended("before")
    for _ in range(6):
        kill(wait_for(lambda: next(iter(keepers(rig)), 0), hint="there is a keeper"))
    client = rig.connect()
    client.send(rig.sh("ulimit -Sn; exit 9", l="after"))
    assert client.ended("after")["exit_code"] == 9
    assert rig.log("after") == rig.log("before")


def keepers(rig: Rig) -> list[int]:
    return [pid for pid, line in rig.pids().items() if "--keeper-fd" not in line]


def test_after_a_kill_of_everything_jobs_are_adopted_or_lost(rig: Rig) -> None:
    """F5: kill -9 of keeper and launcher; never a 0 that was not."""
    codes = running(rig, rig.connect(), 4)
    kill_both(rig)
    rig.start()
    client = rig.connect()
    assert set(codes) <= set(client.welcome["known"])
    open_gate(rig)
    for l, code in codes.items():
        end = client.ended(l)
        assert end.get("exit_code") == code or end.get("lost"), end
        assert starts(rig, l) == 1


def test_what_ended_while_nothing_of_ours_ran_is_lost(rig: Rig) -> None:
    """F5: nobody saw the exit, so nobody invents one."""
    codes = running(rig, rig.connect(), 2)
    kill_both(rig)
    open_gate(rig)
    wait_for(lambda: not processes_with(str(gate(rig))), hint="the jobs end")
    rig.start()
    client = rig.connect()
    for l, code in codes.items():
        end = client.ended(l)
        assert end.get("lost") is True or end.get("exit_code") == code
        assert end.get("exit_code") != 0


def test_an_adopted_job_keeps_its_time_limit_and_its_kill(rig: Rig) -> None:
    client = rig.connect()
    client.send(rig.sh("exec sleep 1000", l="limited", time_limit_s=3, grace_s=30))
    client.send(rig.sh("trap '' TERM; echo ready; while :; do sleep 0.1; done", l="unmoved"))
    wait_for(lambda: "ready" in rig.log("unmoved"))
    client.expect("started", l="limited")
    client.send(messages.kill("unmoved", signal=signal.SIGTERM, grace_s=2))
    client.send(messages.usage("sync"))
    client.expect("usage")
    kill(rig.launcher_pid())
    client = rig.connect()
    limited, deaf = client.ended("limited"), client.ended("unmoved")
    assert limited["timed_out"] is True
    assert limited["signal"] == signal.SIGTERM
    assert deaf["signal"] == signal.SIGKILL


def test_records_are_repeated_until_they_are_acknowledged(rig: Rig) -> None:
    client = rig.connect()
    client.send(rig.sh("exit 6", l="told"))
    end = client.ended("told")
    kill(rig.launcher_pid())
    client = rig.connect()
    assert client.ended("told") == end
    client.send(messages.ack(end["seq"]), messages.usage("sync"))
    client.expect("usage")
    kill(rig.launcher_pid())
    client = rig.connect()
    assert "told" not in client.welcome["known"]
    client.send(messages.usage("sync"))
    client.expect("usage")
    assert client.find("ended", l="told") is None


def test_the_epoch_survives_a_restart_and_changes_with_a_new_journal(quiet: Rig) -> None:
    quiet.start()
    epoch = quiet.connect().welcome["epoch"]
    quiet.stop()
    quiet.start()
    assert quiet.connect().welcome["epoch"] == epoch
    quiet.stop()
    (quiet.state_dir / "launcher/journal").unlink()
    quiet.start()
    assert quiet.connect().welcome["epoch"] != epoch


def test_jobs_of_another_boot_are_lost(quiet: Rig) -> None:
    """F28: process ids of an earlier boot are never trusted."""
    journal = quiet.state_dir / "launcher"
    journal.mkdir(mode=0o711)
    file = Journal(str(journal / "journal"))
    file.append({"k": "head", "v": 1, "epoch": "old", "boot": "another", "q": 1, "a": 0})
    file.append({"k": "intent", "l": "ran", "job": 1, "uid": 0, "spool_log": "x"})
    file.append({"k": "start", "l": "ran", "q": 1, "p": os.getpid(), "s": 1, "at": 1.0, "b": 1.0})
    file.sync()
    quiet.start()
    client = quiet.connect()
    end = client.ended("ran")
    assert end["lost"] is True
    assert end["error"] == "the node was restarted"
    assert client.welcome["epoch"] != "old"


@pytest.mark.parametrize("point", ["intent", "fork", "start-record", "end-record"])
@pytest.mark.parametrize("count", [1, 7])
def test_a_kill_at_any_point_starts_nothing_twice_and_invents_no_exit(
    quiet: Rig, point: str, count: int
) -> None:
    """F2, F3, P3, P4: a client that sends again what is not known, as the daemon does."""
    quiet.start(LAUNCHYARD_FAULT=f"{point}:{count}")
    first = quiet.connect()
    orders: dict[str, messages.Message] = {}
    with contextlib.suppress(OSError):
        while not first.hung_up():
            l = f"fault-{len(orders)}"
            mark = f"/tmp/{quiet.state_dir.name}.{l}"
            orders[l] = quiet.sh(f"echo start >> {mark}; exit {len(orders) % 200 + 1}", l=l)
            first.send(orders[l])
            first.hear(1)
    client = quiet.connect()
    client.send(*(order for l, order in orders.items() if l not in client.welcome["known"]))
    for number, l in enumerate(orders):
        end = client.ended(l)
        assert starts(quiet, l) <= 1
        assert end.get("exit_code") == number % 200 + 1 or end.get("lost"), end
        if "exit_code" in end:
            assert starts(quiet, l) == 1


def test_a_second_keeper_is_refused_and_the_first_undisturbed(rig: Rig) -> None:
    """F16."""
    client = rig.connect()
    again = subprocess.run(rig.argv, capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode == 3
    assert f"process {rig.keeper_pid()}" in again.stderr
    assert again.stderr.count("\n") == 1
    client.send(rig.launch(["true"], l="undisturbed"))
    assert client.ended("undisturbed")["exit_code"] == 0


def test_a_stop_and_an_upgrade_leave_jobs_running(rig: Rig) -> None:
    """F29, P8: SIGHUP executes the program anew, SIGTERM stops it; jobs run on."""
    codes = running(rig, rig.connect(), 2)
    before = rig.launcher_pid()
    os.kill(rig.keeper_pid(), signal.SIGHUP)
    wait_for(lambda: rig.launcher_pid() != before)
    assert set(codes) <= set(rig.connect().welcome["known"])
    rig.stop()
    rig.start()
    client = rig.connect()
    open_gate(rig)
    for l, code in codes.items():
        end = client.ended(l)
        assert end.get("exit_code") == code or end.get("lost"), end


def test_the_newest_daemon_connection_is_served(rig: Rig) -> None:
    first = rig.connect()
    second = rig.connect()
    wait_for(first.hung_up)
    second.send(rig.launch(["true"], l="second"))
    assert second.ended("second")["exit_code"] == 0


def test_a_peer_that_talks_nonsense_is_hung_up_on(rig: Rig) -> None:
    for nonsense in (b"\xff\xff\xff\xff", b"\0\0\0\x02[]", b"\0\0\0\x05hello"):
        client = rig.connect()
        client.send_raw(nonsense)
        wait_for(client.hung_up)
    client = rig.connect()
    client.send(rig.launch(["true"], l="../evil"))
    wait_for(client.hung_up)
    client = rig.connect()
    client.send(rig.launch(["true"], l="fine"))
    assert client.ended("fine")["exit_code"] == 0


def test_a_launcher_that_is_about_to_end_answers_nobody(quiet: Rig) -> None:
    """Else the next daemon would take it for the launcher that stays."""
    quiet.start()
    client, keeper = quiet.connect(), quiet.keeper_pid()
    os.kill(keeper, signal.SIGSTOP)
    client.send(messages.rest())
    log = quiet.state_dir / "launcher/launcher.log"
    wait_for(lambda: "no job is left" in log.read_text(), hint="it asks the keeper to end it")

    starting = threading.Thread(
        target=launch_keeper,
        args=(quiet.state_dir,),
        kwargs={"daemon_uid": os.getuid(), "allow_root_jobs": True},
    )
    starting.start()
    assert not _answers(quiet.state_dir)
    os.kill(keeper, signal.SIGCONT)
    starting.join(PATIENCE_S)

    assert quiet.keeper_pid() != keeper
    assert quiet.connect().welcome["known"] == []


def test_a_launcher_whose_keeper_is_gone_asks_nobody_else_to_end(quiet: Rig) -> None:
    """Its parent is another process by then, as the machine's first one."""
    quiet.start()
    client, launcher = quiet.connect(), quiet.launcher_pid()
    os.kill(launcher, signal.SIGSTOP)
    kill(quiet.keeper_pid())
    wait_for(lambda: parent_of(launcher) != quiet.keeper_pid(), hint="it has another parent")
    client.send(messages.rest())
    os.kill(launcher, signal.SIGCONT)

    wait_for(lambda: quiet.keeper_pid() == launcher, hint="it takes the keeper's place")
    assert quiet.connect().welcome["known"] == []
