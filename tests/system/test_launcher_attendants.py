"""Helpers (our code as a user), steps inside a launch, and a disk that is full."""

import os
import pty
import pwd
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.launcher import messages
from tests.system.accounts import account_of_ours
from tests.system.launcher_client import (
    ENV,
    PATIENCE_S,
    Client,
    Rig,
    processes_with,
    temporary_rig,
    wait_for,
)

pytestmark = pytest.mark.root

Yard = tuple[Rig, Client]
LIMITS = ("memory.max", "memory.limit_in_bytes")


@pytest.fixture(scope="module")
def eve() -> pwd.struct_passwd:
    return account_of_ours()


@pytest.fixture(scope="module", params=["root", "user"])
def yard(request: pytest.FixtureRequest, eve: pwd.struct_passwd) -> Iterator[Yard]:
    user = eve.pw_name if request.param == "user" else None
    with temporary_rig(user=user) as rig:
        yield rig, rig.connect()


def job(yard: Yard, eve: pwd.struct_passwd, l: str, text: str = "sleep 1000") -> None:
    rig, client = yard
    client.send(rig.sh(text, l=l, uid=eve.pw_uid))
    client.expect("started", l=l)


def end_job(yard: Yard, l: str) -> None:
    _, client = yard
    client.send(messages.kill(l, signal=signal.SIGKILL, grace_s=0))
    client.ended(l)


def test_a_step_runs_inside_its_launch_and_tells_its_exit(yard: Yard, eve: pwd.struct_passwd) -> None:
    rig, client = yard
    job(yard, eve, "host")
    out = Path("/tmp") / f"{rig.state_dir.name}.step"
    text = "cat /proc/self/cgroup; id -u; echo $LAUNCHYARD_LAUNCH_ID; exit 5"
    argv = ["sh", "-c", f"({text}) > {out}; exit 5"]
    client.send(messages.step(id="s1", l="host", uid=eve.pw_uid, argv=argv, env=ENV, cwd="/tmp"))
    assert client.expect("step_started", id="s1")["pid"] > 1
    assert client.expect("step_ended", id="s1")["exit_code"] == 5
    said = out.read_text()
    out.unlink()
    assert said.endswith(f"{eve.pw_uid}\nhost\n")
    if client.welcome["features"]["processes"] == "cgroup.kill":
        assert said.count("/host\n") == 3  # unified, memory, pids
    end_job(yard, "host")


def test_a_step_ends_with_its_launch(yard: Yard, eve: pwd.struct_passwd) -> None:
    rig, client = yard
    go = Path("/tmp") / f"{rig.state_dir.name}.go"
    job(yard, eve, "short-host", f"while [ ! -e {go} ]; do sleep 0.05; done")
    argv = ["sh", "-c", "(setsid sleep 98765 &); sleep 98765; exit 0"]
    client.send(messages.step(id="s2", l="short-host", uid=eve.pw_uid, argv=argv, env=ENV, cwd="/"))
    client.expect("step_started", id="s2")
    go.touch()
    client.ended("short-host")
    go.unlink()
    assert client.expect("step_ended", id="s2")["signal"] == signal.SIGKILL
    assert processes_with("98765") == []


def shown_until(terminal: int, text: bytes) -> bytes:
    """What a terminal shows comes in parts, and some time after it was written."""
    shown = b""
    while text not in shown:
        assert select.select([terminal], [], [], PATIENCE_S)[0], shown
        shown += os.read(terminal, 1000)
    return shown


def test_a_step_has_its_own_terminal(yard: Yard, eve: pwd.struct_passwd) -> None:
    _, client = yard
    job(yard, eve, "tty-host")
    ours, theirs = pty.openpty()
    os.fchown(theirs, eve.pw_uid, eve.pw_gid)
    argv = ["sh", "-c", "tty; test -t 0 && test -t 2 && read shown"]
    name = os.ttyname(theirs)
    client.send(
        messages.step(id="s3", l="tty-host", uid=eve.pw_uid, argv=argv, env=ENV, cwd="/", terminal=name)
    )
    assert shown_until(ours, b"\n").decode().split()[0] == name
    os.write(ours, b"\n")
    assert client.expect("step_ended", id="s3")["exit_code"] == 0
    os.close(ours)
    os.close(theirs)
    end_job(yard, "tty-host")


def test_a_job_can_have_a_terminal(yard: Yard, eve: pwd.struct_passwd) -> None:
    rig, client = yard
    ours, theirs = pty.openpty()
    os.fchown(theirs, eve.pw_uid, eve.pw_gid)
    text = "read x; echo got $x; read shown"
    client.send(rig.sh(text, l="tty", uid=eve.pw_uid, terminal=os.ttyname(theirs)))
    os.write(ours, b"hello\n")
    shown_until(ours, b"got hello")
    os.write(ours, b"\n")
    assert client.ended("tty")["exit_code"] == 0
    os.close(ours)
    os.close(theirs)


def test_a_step_of_another_user_or_launch_is_refused(yard: Yard, eve: pwd.struct_passwd) -> None:
    _, client = yard
    job(yard, eve, "mine")
    client.send(messages.step(id="s4", l="mine", uid=eve.pw_uid + 1, argv=["id"], env=ENV, cwd="/"))
    client.send(messages.step(id="s5", l="none", uid=eve.pw_uid, argv=["id"], env=ENV, cwd="/"))
    client.send(messages.step(id="s6", l="mine", uid=eve.pw_uid, argv=["nope"], env=ENV, cwd="/"))
    assert "is not of user" in client.expect("step_ended", id="s4")["error"]
    assert "is not running" in client.expect("step_ended", id="s5")["error"]
    assert "no command 'nope'" in client.expect("step_ended", id="s6")["error"]
    end_job(yard, "mine")


def helpers_of(rig: Rig) -> list[int]:
    parent = f"PPid:\t{rig.launcher_pid()}\n"
    candidates = processes_with("launchyard.helper.main")
    return [pid for pid in candidates if parent in status_of(pid)]


def status_of(pid: int) -> str:
    """Empty of one that has gone meanwhile."""
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return ""


def test_a_helper_is_a_socket_to_our_code_as_the_user(yard: Yard, eve: pwd.struct_passwd) -> None:
    rig, client = yard
    client.send(messages.helper("h1", eve.pw_uid))
    answer = client.expect("helper", id="h1")
    assert answer.get("ok") is True, answer
    (fd,) = client.fds
    status = status_of(wait_for(lambda: helpers_of(rig))[-1])
    assert f"Uid:\t{eve.pw_uid}\t{eve.pw_uid}\t{eve.pw_uid}\t{eve.pw_uid}" in status
    assert "NoNewPrivs:\t1" in status
    os.close(fd)
    client.fds.clear()
    wait_for(lambda: not helpers_of(rig), hint="it ends with its socket")


def test_logs_of_the_spool_are_removed_by_their_names(yard: Yard, eve: pwd.struct_passwd) -> None:
    """Their folder is the launcher's: nobody else may take a file out of it."""
    rig, client = yard
    for l in ("kept", "gone"):
        client.send(rig.sh("echo hello", l=l, uid=eve.pw_uid))
        client.ended(l)
    client.send(messages.remove_logs("r1", eve.pw_uid, ["gone.log", "never.log"]))
    assert "error" not in client.expect("logs_removed", id="r1")
    assert (rig.log("kept", eve.pw_uid), rig.log("gone", eve.pw_uid)) == ("hello\n", "")


@pytest.mark.parametrize("name", ["../beside.log", "kept.sh", ".log", "a/b.log"])
def test_what_is_no_log_of_the_spool_is_not_removed(name: str, eve: pwd.struct_passwd) -> None:
    with temporary_rig() as rig:
        client = rig.connect()
        client.send(rig.sh("echo hello", l="kept", uid=eve.pw_uid))
        client.ended("kept")
        beside = rig.state_dir / "spool" / "beside.log"
        beside.touch()
        client.send(messages.remove_logs("r1", eve.pw_uid, ["kept.log", name]))
        with pytest.raises(AssertionError, match="the launcher hung up"):
            client.expect("logs_removed", id="r1")
        assert beside.exists()
        assert rig.log("kept", eve.pw_uid) == "hello\n"


def test_a_helper_with_a_memory_limit_has_a_cgroup_and_all_that_it_starts_ends_with_it(
    yard: Yard, eve: pwd.struct_passwd
) -> None:
    rig, client = yard
    features = client.welcome["features"]
    client.send(messages.helper("h3", eve.pw_uid, memory_mib=300))
    assert client.expect("helper", id="h3").get("ok") is True
    (fd,) = client.fds
    pid = wait_for(lambda: helpers_of(rig))[-1]
    rooms = {Path(path).name for path in rig.cgroups() if "helper-" in path}
    assert len(rooms) == (features["processes"] != "marker")
    for room in rooms:
        assert f"/{room}\n" in Path(f"/proc/{pid}/cgroup").read_text()
        files = [Path(base, name) for base in rig.cgroups() if room in base for name in LIMITS]
        limits = {path.read_text().strip() for path in files if path.exists()}
        assert str(300 << 20) in limits or features["memory"] == "sampling"
    os.close(fd)
    client.fds.clear()
    wait_for(lambda: not any("helper-" in path for path in rig.cgroups()), hint="its cgroup goes with it")


def test_a_helper_for_nobody_is_an_error(yard: Yard) -> None:
    _, client = yard
    client.send(messages.helper("h2", 4_000_000))
    assert "user" in client.expect("helper", id="h2")["error"]


# ---- a full disk


@pytest.fixture
def small_disk() -> Iterator[Rig]:
    """A state directory on a tmpfs of 3 MiB."""
    with temporary_rig(started=False) as rig:
        command = ["mount", "-t", "tmpfs", "-o", "size=3m,mode=755", "tmpfs", str(rig.state_dir)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("needs mount")
        try:
            rig.start()
            yield rig
        finally:
            rig.destroy()
            subprocess.run(["umount", "-l", str(rig.state_dir)], check=True)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return


def test_ends_are_kept_when_the_disk_is_full_and_launches_wait_for_space(small_disk: Rig) -> None:
    """F8, P10: what runs is recorded in the reserved room; nothing is accepted that could not be."""
    rig = small_disk
    client = rig.connect()
    gate = Path("/tmp") / f"{rig.state_dir.name}.gate"
    wait = f"while [ ! -e {gate} ]; do sleep 0.05; done; exit 7"
    codes = [f"kept-{number}" for number in range(20)]
    for l in codes:
        client.send(rig.sh(wait, l=l, stdout="/dev/null"))
        client.expect("started", l=l)
    ballast = rig.state_dir / "ballast"
    fill(ballast)
    tried = 0
    while not client.hung_up():
        more = [rig.launch(["true"], l=f"{tried + one}-{'x' * 50}", stdout="/dev/null") for one in range(20)]
        client.send(*more)
        tried += len(more)
        client.hear(0.05)
        assert tried < 10000
    gate.touch()
    client = rig.connect()
    for l in codes:
        assert client.ended(l)["exit_code"] == 7
    os.kill(rig.launcher_pid(), signal.SIGKILL)
    client = rig.connect()
    for l in codes:
        assert client.ended(l)["exit_code"] == 7
    ballast.unlink()
    gate.unlink()
    client.send(rig.sh("exit 9", l="afterwards", stdout="/dev/null"))
    assert client.ended("afterwards")["exit_code"] == 9


@pytest.mark.parametrize("mode", ["root", "user"])
def test_launches_wait_when_descriptors_run_out(mode: str, eve: pwd.struct_passwd) -> None:
    """F10: the launcher has few file descriptors and gets many launches at once; none fails, none is lost."""
    with temporary_rig(started=False, user=eve.pw_name if mode == "user" else None) as rig:
        rig.argv = ["prlimit", "--nofile=40:40", *rig.argv]
        rig.start()
        client = rig.connect()
        orders = [rig.sh("exit 3", l=f"scarce-{number}", uid=eve.pw_uid) for number in range(200)]
        client.send(*orders)
        for order in orders:
            assert client.ended(order["l"])["exit_code"] == 3
