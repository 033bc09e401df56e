"""Launches that mean harm, by one user, while another user's jobs must start as fast as before."""

import functools
import os
import pwd
import signal
import socket
import stat
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launchyard.launcher import messages
from launchyard.launcher.journal import Journal
from tests.system.accounts import account, account_of_ours
from tests.system.dead_filesystem import DeadFilesystem
from tests.system.launcher_client import (
    ENV,
    Client,
    Rig,
    cgroup_bases,
    cgroup_name,
    processes_with,
    temporary_rig,
    wait_for,
)

pytestmark = pytest.mark.root

Yard = tuple[Rig, Client]


@pytest.fixture(scope="module")
def eve() -> pwd.struct_passwd:
    return account_of_ours()


@pytest.fixture(scope="module")
def ada() -> pwd.struct_passwd:
    return account("lytest2")


@pytest.fixture(scope="module")
def yard() -> Iterator[Yard]:
    with temporary_rig(allow_root_jobs=False) as rig:
        yield rig, rig.connect()


@pytest.fixture
def place(eve: pwd.struct_passwd, yard: Yard, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A directory of eve's own."""
    path = Path("/tmp") / f"eve-{os.getpid()}-{time.monotonic_ns()}"
    path.mkdir(mode=0o755)
    os.chown(path, eve.pw_uid, eve.pw_gid)
    yield path
    os.system(f"rm -rf {path}")


def as_user(user: pwd.struct_passwd, **options: Any) -> dict[str, Any]:
    return {"uid": user.pw_uid, "cwd": "/", "env": ENV | {"HOME": user.pw_dir}} | options


def sleeps(pid: int) -> bool:
    return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"sleep")


def cgroup(rig: Rig, controller: str, l: str) -> Path:
    root = f"/sys/fs/cgroup/{controller}/"

    def find() -> Path | None:
        bases = cgroup_bases(cgroup_name(rig.state_dir))
        found = [base / l for base in bases if str(base).startswith(root) and (base / l).is_dir()]
        return found[0] if found else None

    return wait_for(find, hint=f"the cgroup of {l}")


# ---- output files


def make_fifo(path: Path) -> None:
    os.mkfifo(path)
    path.chmod(0o666)


def make_socket(path: Path) -> None:
    socket.socket(socket.AF_UNIX).bind(str(path))
    path.chmod(0o666)


def make_device(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    path.chmod(0o666)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (make_fifo, "a FIFO"),
        (make_socket, "a socket"),
        (make_device, "a device"),
        (Path.mkdir, "a directory"),
    ],
)
def test_only_regular_files_can_be_output(
    yard: Yard, eve: pwd.struct_passwd, place: Path, make: Any, kind: str
) -> None:
    rig, client = yard
    path = place / "out.log"
    make(path)
    l = f"out-{time.monotonic_ns()}"
    client.send(rig.sh("echo hi", l=l, **as_user(eve, stdout=str(path))))
    end = client.ended(l)
    assert end["error"] == f"cannot open the output file '{path}': it is {kind}; name a regular file"


def test_a_fifo_that_somebody_reads_is_no_output_either(
    yard: Yard, eve: pwd.struct_passwd, place: Path
) -> None:
    rig, client = yard
    make_fifo(place / "pipe")
    reader = os.open(place / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    client.send(rig.sh("echo hi", l="read-fifo", **as_user(eve, stderr=str(place / "pipe"))))
    assert "error file" in client.ended("read-fifo")["error"]
    assert os.read(reader, 10) == b""
    os.close(reader)


def test_output_may_be_thrown_away(yard: Yard, eve: pwd.struct_passwd) -> None:
    rig, client = yard
    client.send(rig.sh("echo hi", l="null", **as_user(eve, stdout="/dev/null")))
    assert client.ended("null")["exit_code"] == 0


def test_a_link_is_followed_with_the_users_rights_only(
    yard: Yard, eve: pwd.struct_passwd, place: Path
) -> None:
    """Threat 16: an output path that leads into a foreign file."""
    rig, client = yard
    secret = rig.state_dir / "launcher" / "secret"
    secret.write_text("untouched")
    secret.chmod(0o600)
    (place / "out").symlink_to(secret)
    client.send(rig.sh("echo hi", l="foreign", **as_user(eve, stdout=str(place / "out"))))
    assert "permission denied" in client.ended("foreign")["error"]
    assert secret.read_text() == "untouched"
    (place / "own").symlink_to(place / "target")
    client.send(rig.sh("echo hi", l="own", **as_user(eve, stdout=str(place / "own"))))
    assert client.ended("own")["exit_code"] == 0
    assert (place / "target").read_text() == "hi\n"


def test_swapping_directories_under_a_launch_gains_nothing(
    yard: Yard, eve: pwd.struct_passwd, place: Path
) -> None:
    """Threat 17: the path changes between a good directory and a link to one of root's all the while."""
    rig, client = yard
    guarded = rig.state_dir / "launcher" / "guarded"
    guarded.mkdir(mode=0o755)
    (place / "good").mkdir()
    os.chown(place / "good", eve.pw_uid, eve.pw_gid)
    swap = "i=0; while [ $i -lt 3000 ]; do ln -sfn $0 d; ln -sfn good d; i=$((i+1)); done"
    client.send(rig.launch(["sh", "-c", swap, str(guarded)], l="swapper", **as_user(eve, cwd=str(place))))
    client.expect("started", l="swapper")
    for number in range(40):
        l = f"swapped-{number}"
        client.send(rig.sh("echo hi", l=l, **as_user(eve, cwd=str(place), stdout=f"d/{l}.log")))
    for number in range(40):
        client.ended(f"swapped-{number}")
    assert list(guarded.iterdir()) == []
    client.send(messages.kill("swapper", signal=9, grace_s=0))
    client.ended("swapper")


def test_a_spool_that_somebody_prepared_is_refused(eve: pwd.struct_passwd, place: Path) -> None:
    """Threat 18: the directory for logs is there already, as a link or of another owner."""
    with temporary_rig(allow_root_jobs=False) as rig:
        (rig.state_dir / "spool" / str(eve.pw_uid)).symlink_to(place)
        client = rig.connect()
        client.send(rig.sh("echo hi", l="prepared", **as_user(eve)))
        assert "remove it" in client.ended("prepared")["error"]
        assert list(place.iterdir()) == []


def test_logs_and_scripts_are_of_their_user_alone(
    yard: Yard, eve: pwd.struct_passwd, ada: pwd.struct_passwd
) -> None:
    """Threat 47; and nobody can place files in a spool, not even in the own one."""
    rig, client = yard
    client.send(rig.launch(["x"], l="secret", script="#!/bin/sh\necho mine; sleep 100\n", **as_user(ada)))
    wait_for(lambda: rig.log("secret", ada.pw_uid) == "mine\n")
    spool = rig.state_dir / "spool" / str(ada.pw_uid)
    attempt = (
        f"cat {spool}/secret.log; cat {spool}/*.sh; ls {spool}; ls {rig.state_dir}/launcher; touch {spool}/x"
    )
    for user, l in ((eve, "thief"), (ada, "placer")):
        client.send(rig.sh(f"({attempt}) 2>/dev/null | grep -v mine; true", l=l, **as_user(user)))
        client.ended(l)
        assert rig.log(l, user.pw_uid) == ""
    for path in spool.iterdir():
        found = path.stat()
        assert (found.st_uid, found.st_mode & 0o077) == (ada.pw_uid, 0)
    assert not (spool / "x").exists()
    client.send(messages.kill("secret", signal=9, grace_s=0))
    client.ended("secret")


# ---- identity


def test_a_job_is_its_user_completely(yard: Yard, eve: pwd.struct_passwd) -> None:
    """Threat 12: all ids, all groups, no capability, no way back."""
    rig, client = yard
    client.send(rig.launch(["cat", "/proc/self/status"], l="ids", **as_user(eve)))
    client.ended("ids")
    status = dict(line.split(":\t", 1) for line in rig.log("ids", eve.pw_uid).splitlines() if ":\t" in line)
    groups = set(os.getgrouplist(eve.pw_name, eve.pw_gid))
    assert status["Uid"].split() == [str(eve.pw_uid)] * 4
    assert status["Gid"].split() == [str(eve.pw_gid)] * 4
    assert set(map(int, status["Groups"].split())) == groups
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapAmb"], 16) == 0


def test_setuid_programs_gain_nothing_unless_asked_for(
    yard: Yard, eve: pwd.struct_passwd, place: Path
) -> None:
    rig, client = yard
    program = place / "id"
    program.write_bytes(Path("/usr/bin/id").read_bytes())
    program.chmod(0o4755)
    os.chown(program, 0, 0)
    program.chmod(0o4755)
    for l, no_new_privs in (("nnp", True), ("privs", False)):
        client.send(rig.launch([str(program), "-u"], l=l, no_new_privs=no_new_privs, **as_user(eve)))
        assert client.ended(l)["exit_code"] == 0
    assert rig.log("nnp", eve.pw_uid).strip() == str(eve.pw_uid)
    assert rig.log("privs", eve.pw_uid).strip() == "0"


@pytest.mark.parametrize("uid", [0, 1, 999])
def test_nothing_is_started_for_root_or_system_users(yard: Yard, uid: int) -> None:
    rig, client = yard
    l = f"system-{uid}"
    client.send(rig.sh("id", l=l, uid=uid), messages.helper(f"h{uid}", uid))
    assert "nothing is started for" in client.ended(l)["error"]
    assert "nothing is started for" in client.expect("helper", id=f"h{uid}")["error"]


def test_the_users_environment_reaches_no_code_that_runs_as_root(
    yard: Yard, eve: pwd.struct_passwd, place: Path
) -> None:
    """Threat 13: what the variables name is seen by the job's own program alone."""
    rig, client = yard
    witness = f"import os; open('{place}/witness', 'a').write(str(os.getuid()) + '\\n')"
    for name in ("sitecustomize.py", "json.py", "pwd.py", "socket.py"):
        (place / name).write_text(witness)
    (place / "env.sh").write_text(f"id -u >> {place}/witness")
    evil = {"PYTHONPATH": str(place), "BASH_ENV": f"{place}/env.sh", "LD_PRELOAD": f"{place}/evil.so"}
    evil |= {"PATH": f"{place}:/usr/bin:/bin", "IFS": "/", "GCONV_PATH": str(place)}
    options = as_user(eve, env=evil, cwd=str(place))
    client.send(rig.launch(["python3", "-c", "pass"], l="evil", **options))
    client.send(rig.launch(["bash", "-c", "true"], l="evil-bash", **options))
    client.ended("evil")
    client.ended("evil-bash")
    assert set((place / "witness").read_text().split()) == {str(eve.pw_uid)}
    assert "evil.so" not in (rig.state_dir / "launcher/launcher.log").read_text()


def test_others_cannot_talk_to_the_launcher(yard: Yard, eve: pwd.struct_passwd) -> None:
    rig, client = yard
    path = rig.state_dir / messages.SOCKET_NAME
    text = f"import socket; socket.socket(socket.AF_UNIX).connect({str(path)!r})"
    client.send(rig.launch(["python3", "-c", text], l="talker", **as_user(eve)))
    assert client.ended("talker")["exit_code"] == 1
    assert "PermissionError" in rig.log("talker", eve.pw_uid)


# ---- memory and processes


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("exec python3 -c 'x = bytearray(300 << 20)'", {"signal": 9}),
        ("python3 -c 'x = bytearray(300 << 20)'; exit 0", {"exit_code": 0}),
    ],
    ids=["the main process", "only a grandchild"],
)
def test_memory_over_the_limit_is_told_by_the_kernels_counter(
    yard: Yard, eve: pwd.struct_passwd, text: str, ending: dict[str, int]
) -> None:
    """F22, threat 39: also when only a grandchild was killed and the script exits 0."""
    rig, client = yard
    l = f"oom-{time.monotonic_ns()}"
    client.send(rig.sh(text, l=l, memory_mib=64, **as_user(eve)))
    end = client.ended(l)
    assert end["oom"] is True
    assert end["memory_peak_mib"] == 64
    assert ending.items() <= end.items()


def test_memory_over_the_limit_is_seen_by_sampling_without_cgroups(eve: pwd.struct_passwd) -> None:
    """F22 for an ordinary user: resident memory of all processes together."""
    with temporary_rig(user=eve.pw_name) as rig:
        client = rig.connect()
        assert client.welcome["features"]["memory"] == "sampling"
        child = "python3 -c 'import time; x = bytearray(60 << 20); time.sleep(100)'"
        client.send(rig.sh(f"{child} & {child} & wait", l="sampled", memory_mib=100))
        end = client.ended("sampled")
        assert end["oom"] is True
        assert end["signal"] == signal.SIGKILL


def test_a_fork_bomb_is_held_and_ends_with_its_job(yard: Yard, eve: pwd.struct_passwd) -> None:
    """Threat 38."""
    rig, client = yard
    bomb = "bomb() { bomb | bomb & }; sleep 1000 & (bomb; bomb) & wait"
    client.send(rig.sh(bomb, l="bomb", pids_max=60, **as_user(eve)))
    client.expect("started", l="bomb")
    pids = cgroup(rig, "pids", "bomb")
    wait_for(lambda: (pids / "pids.events").read_text() != "max 0\n", hint="it forks until it may not")
    assert int((pids / "pids.current").read_text()) <= 60
    client.send(messages.kill("bomb", signal=signal.SIGTERM, grace_s=0.5))
    client.ended("bomb")
    assert not processes_with("bomb() {")


def test_a_frozen_job_ends_when_it_is_killed(yard: Yard, eve: pwd.struct_passwd) -> None:
    """F19: frozen in our own cgroup and in a freezer of somebody else's."""
    rig, client = yard
    pids = {}
    for l in ("frozen", "iced"):
        client.send(rig.launch(["sleep", "1000"], l=l, **as_user(eve)))
        pids[l] = client.expect("started", l=l)["pid"]
        wait_for(functools.partial(sleeps, pids[l]), hint="its set-up is over")
    (cgroup(rig, "unified", "frozen") / "cgroup.freeze").write_text("1")
    freezer = Path("/sys/fs/cgroup/freezer") / f"eve-{os.getpid()}"
    freezer.mkdir()
    (freezer / "cgroup.procs").write_text(str(pids["iced"]))
    (freezer / "freezer.state").write_text("FROZEN")
    for l in ("frozen", "iced"):
        client.send(messages.kill(l, signal=signal.SIGTERM, grace_s=0.5))
    assert client.ended("frozen")["signal"] in (signal.SIGTERM, signal.SIGKILL)
    assert client.ended("iced")["signal"] in (signal.SIGTERM, signal.SIGKILL)
    wait_for(lambda: not (freezer / "cgroup.procs").read_text())
    freezer.rmdir()


def test_a_process_that_got_the_number_of_a_job_is_left_alone(eve: pwd.struct_passwd) -> None:
    """Threat 36: the journal names this very process, with another start time."""
    with temporary_rig(allow_root_jobs=False) as rig:
        client = rig.connect()
        boot, epoch = client.welcome["boot_id"], client.welcome["epoch"]
        rig.stop()
        from_journal = rig.state_dir / "launcher/journal"
        write_journal(from_journal, boot, epoch)
        rig.start()
        client = rig.connect()
        client.send(messages.kill("reused", signal=signal.SIGKILL, grace_s=0))
        assert client.ended("reused")["lost"] is True


def write_journal(path: Path, boot: str, epoch: str) -> None:

    journal = Journal(str(path))
    start = {"k": "start", "l": "reused", "q": 1, "p": os.getpid(), "s": 1, "at": 1.0, "b": 1.0}
    intent = {"k": "intent", "l": "reused", "job": 1, "uid": 1000, "spool_log": "x"}
    journal.rewrite([{"k": "head", "v": 1, "epoch": epoch, "boot": boot, "q": 0, "a": 0}, intent, start])


# ---- nobody else waits


@pytest.fixture
def dead(place: Path) -> Iterator[tuple[Path, DeadFilesystem]]:
    if not Path("/dev/fuse").exists():
        pytest.skip("needs /dev/fuse")
    mountpoint = place / "dead"
    mountpoint.mkdir()
    filesystem = DeadFilesystem(mountpoint)
    yield mountpoint, filesystem
    filesystem.revive()


def test_a_directory_that_never_answers_ends_the_set_up_in_time(
    eve: pwd.struct_passwd, dead: tuple[Path, DeadFilesystem]
) -> None:
    """F20 as far as set-up goes: the child cannot be killed, so the end is told when it is gone."""
    folder, filesystem = dead
    with temporary_rig(allow_root_jobs=False, setup_limit_s=3) as rig:
        client = rig.connect()
        client.send(rig.sh("echo hi", l="dead-dir", **as_user(eve, cwd=str(folder))))
        wait_for(lambda: filesystem.taken > 0, hint="it asks")
        wait_for(lambda: "set-up" in (rig.state_dir / "launcher/journal").read_text(errors="replace"))
        assert not client.heard("ended", l="dead-dir")
        filesystem.revive()
        end = client.ended("dead-dir")
    assert end["error"] == (
        f"the set-up took longer than 3 s (working directory '{folder}' does not answer?)"
    )


def test_a_process_that_cannot_be_killed_keeps_its_launch_from_ending(
    yard: Yard, eve: pwd.struct_passwd, dead: tuple[Path, DeadFilesystem]
) -> None:
    """F20: the main process is gone, the rest hangs in a dead directory: told apart, and ended in the end."""
    rig, client = yard
    folder, filesystem = dead
    gate = Path("/tmp") / f"{rig.state_dir.name}.hangs"
    text = f"(cd {folder}) & while [ ! -e {gate} ]; do sleep 0.05; done; exit 3"
    client.send(rig.sh(text, l="undying", **as_user(eve)))
    wait_for(lambda: filesystem.taken > 0, hint="it hangs")
    gate.touch()
    client.expect("main_ended", l="undying")
    assert not client.heard("ended", l="undying")
    filesystem.revive()
    assert client.ended("undying")["exit_code"] == 3


def test_launcher_of_one_user_goes_on_beside_a_directory_that_never_answers(
    eve: pwd.struct_passwd, dead: tuple[Path, DeadFilesystem]
) -> None:
    """There the child may share the launcher's memory until its exec: never for a path that can hang."""
    folder, filesystem = dead
    with temporary_rig(user=eve.pw_name) as rig:
        client = rig.connect()
        client.send(rig.sh("echo hi", l="dead-cwd", **as_user(eve, cwd=str(folder))))
        client.send(rig.launch([f"{folder}/program"], l="dead-program", **as_user(eve)))
        client.send(rig.launch(["program"], l="dead-path", **as_user(eve, env={"PATH": f"{folder}:/bin"})))
        wait_for(lambda: filesystem.taken > 0, hint="they ask")
        for number in range(5):
            client.send(rig.sh("exit 3", l=f"next-{number}", **as_user(eve)))
            assert client.ended(f"next-{number}")["exit_code"] == 3
        filesystem.revive()
        assert client.ended("dead-cwd")["exit_code"] == 0
        assert "no command" in client.ended("dead-program")["error"]
        assert "no command" in client.ended("dead-path")["error"]


def start_latency_s(rig: Rig, client: Client, user: pwd.struct_passwd, label: str) -> float:
    """How long a job of a user takes from the order to its end: the median of some, at best of three."""
    return min(statistics.median(latencies_s(rig, client, user, f"{label}-{turn}")) for turn in range(3))


def latencies_s(rig: Rig, client: Client, user: pwd.struct_passwd, label: str) -> list[float]:
    """Of jobs that run one after the other."""
    found = []
    for number in range(30):
        l = f"{label}-{number}"
        order = rig.launch(["true"], l=l, **as_user(user))
        before = time.monotonic()
        client.send(order)
        assert client.ended(l)["exit_code"] == 0
        found.append(time.monotonic() - before)
    return found


@pytest.mark.alone
def test_hostile_jobs_of_one_user_delay_no_job_of_another(
    yard: Yard,
    eve: pwd.struct_passwd,
    ada: pwd.struct_passwd,
    place: Path,
    dead: tuple[Path, DeadFilesystem],
) -> None:
    """FIFO, dead directory, frozen job plus a step, memory at its limit plus a step, pids.max reached."""
    rig, client = yard
    folder, filesystem = dead
    make_fifo(place / "fifo")
    before = start_latency_s(rig, client, ada, "before")
    for number in range(3):
        client.send(rig.sh("x", l=f"fifo-{number}", **as_user(eve, stdout=str(place / "fifo"))))
        client.send(rig.sh("x", l=f"dead-{number}", **as_user(eve, cwd=str(folder))))
        client.send(rig.sh("x", l=f"dead-out-{number}", **as_user(eve, stdout=f"{folder}/out")))
    full = "import time; x = bytearray(40 << 20); time.sleep(1000)"
    crowd = "i=0; while [ $i -lt 30 ]; do sleep 1000 & i=$((i+1)); done; wait"
    client.send(rig.sh("sleep 1000", l="h-frozen", **as_user(eve)))
    client.send(rig.launch(["python3", "-c", full], l="h-full", memory_mib=56, **as_user(eve)))
    client.send(rig.sh(crowd, l="h-crowd", pids_max=20, **as_user(eve)))
    for l in ("h-frozen", "h-full", "h-crowd"):
        client.expect("started", l=l)
    (cgroup(rig, "unified", "h-frozen") / "cgroup.freeze").write_text("1")
    for l in ("h-frozen", "h-full", "h-crowd"):
        hog = ["python3", "-c", "x = bytearray(60 << 20)"]
        client.send(messages.step(id=f"step-{l}", l=l, uid=eve.pw_uid, argv=hog, env=ENV, cwd="/"))
    wait_for(lambda: filesystem.taken > 0)
    during = start_latency_s(rig, client, ada, "during")
    for l in ("h-frozen", "h-full", "h-crowd"):
        client.send(messages.kill(l, signal=signal.SIGTERM, grace_s=0.2))
        client.ended(l)
    print(f"median {before * 1000:.1f} ms before, ratio {during / before:.2f}")
    assert during / before < 3
