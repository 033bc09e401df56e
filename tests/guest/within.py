"""What runs inside a guest, where cgroup v2 has all controllers and nothing of v1 is there (test_guest.py).

The launcher as root's own program, in a scope whose cgroup was delegated to it, and as that of an ordinary
user to whom one was delegated.
"""

import os
import pwd
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.launcher import messages
from tests.system.accounts import account
from tests.system.launcher_client import (
    Client,
    Rig,
    cgroup_bases,
    cgroup_name,
    processes_with,
    temporary_rig,
    wait_for,
)

ROOT = Path("/sys/fs/cgroup")
SCOPE = ROOT / "launchyard.scope"
HOG = "x = bytearray(300 << 20)"
Yard = tuple[Rig, Client]


class Delegated(Rig):
    """A rig that starts in a cgroup of its own, as systemd makes one with Delegate=yes."""

    folder = SCOPE

    def start(self, **env: str) -> None:
        make_service(self.folder, self.uid)
        words = ["sh", "-c", f'echo $$ > {self.folder}/cgroup.procs && exec "$@"', "sh", *self.argv]
        subprocess.run(words, check=True, env=dict(os.environ) | env, timeout=60)


def make_service(folder: Path, uid: int) -> None:
    """What a service may write is its user's; what limits the service itself is not."""
    (ROOT / "cgroup.subtree_control").write_text("+memory +pids +cpuset +cpu")
    folder.mkdir(exist_ok=True)
    os.chown(folder, uid, uid)
    for name in ("cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
        os.chown(folder / name, uid, uid)


@pytest.fixture(scope="module")
def eve() -> pwd.struct_passwd:
    return account("lytest1")


@pytest.fixture(scope="module", params=["at the root", "in a scope"])
def yard(request: pytest.FixtureRequest) -> Iterator[Yard]:
    kind = Rig if request.param == "at the root" else Delegated
    with temporary_rig(kind=kind) as rig:
        yield rig, rig.connect()
        assert not rig.cgroups()


def room(rig: Rig, l: str) -> Path:
    (base,) = cgroup_bases(cgroup_name(rig.state_dir))
    return wait_for(lambda: base / l if (base / l / "cgroup.procs").exists() else None, hint=f"{l} has one")


def as_user(user: pwd.struct_passwd) -> dict[str, object]:
    return {"uid": user.pw_uid, "cwd": "/"}


def test_nothing_of_v1_is_here_and_all_of_v2_is() -> None:
    assert {"memory", "pids", "cpuset"} <= set((ROOT / "cgroup.controllers").read_text().split())
    assert " - cgroup " not in Path("/proc/self/mountinfo").read_text()


def test_the_launcher_tells_what_it_can_here(yard: Yard) -> None:
    _, client = yard
    told = client.welcome["features"]
    assert (told["memory"], told["processes"]) == ("cgroup v2", "cgroup.kill")
    assert (told["cpus"], told["suspend"]) == ("cpuset", "freeze")


def test_a_launch_has_its_limits_in_its_one_cgroup(yard: Yard, eve: pwd.struct_passwd) -> None:
    rig, client = yard
    client.send(rig.sh("sleep 1000", l="limits", memory_mib=64, pids_max=50, cpu_ids=[0], **as_user(eve)))
    client.expect("started", l="limits")
    found = room(rig, "limits")
    limits = {"memory.max": str(64 << 20), "memory.swap.max": "0", "pids.max": "50", "cpuset.cpus": "0"}
    held = {name: (found / name).read_text().strip() for name in limits if (found / name).exists()}
    assert held == {name: limits[name] for name in held}
    assert {"memory.max", "pids.max", "cpuset.cpus"} <= held.keys()
    assert (found / "cpuset.cpus.effective").read_text() == "0\n"
    client.send(messages.kill("limits", signal=signal.SIGKILL, grace_s=0))
    assert client.ended("limits")["signal"] == signal.SIGKILL
    wait_for(lambda: not found.exists(), hint="its cgroup is gone")


@pytest.mark.parametrize("main", [True, False], ids=["the main process", "only a grandchild"])
def test_memory_over_the_limit_is_told_by_memory_events(
    yard: Yard, eve: pwd.struct_passwd, main: bool
) -> None:
    rig, client = yard
    l = f"oom-{main}"
    text = f"{'exec ' if main else ''}python3 -c '{HOG}'; exit 0"
    client.send(rig.sh(text, l=l, memory_mib=64, **as_user(eve)))
    end = client.ended(l)
    assert end["oom"] is True
    assert end["memory_peak_mib"] == 64
    assert end.get("signal") == (9 if main else None)


def test_a_fork_bomb_is_held_by_pids_max_and_ends_with_its_job(yard: Yard, eve: pwd.struct_passwd) -> None:
    rig, client = yard
    bomb = "bomb() { bomb | bomb & }; sleep 1000 & (bomb; bomb) & wait"
    client.send(rig.sh(bomb, l="bomb", pids_max=40, **as_user(eve)))
    client.expect("started", l="bomb")
    found = room(rig, "bomb")
    wait_for(lambda: (found / "pids.events").read_text() != "max 0\n", hint="it forks until it may not")
    assert int((found / "pids.current").read_text()) <= 40
    client.send(messages.kill("bomb", signal=signal.SIGTERM, grace_s=0.5))
    client.ended("bomb")
    assert not processes_with("bomb() {")


def test_cgroup_kill_ends_all_of_a_launch_however_it_hid(yard: Yard, eve: pwd.struct_passwd) -> None:
    rig, client = yard
    text = "for i in 1 2 3; do setsid sh -c 'trap \"\" TERM; sleep 4321' & done; trap '' TERM; echo up; wait"
    client.send(rig.sh(text, l="hidden", **as_user(eve)))
    wait_for(lambda: len(processes_with("sleep 4321")) >= 3, hint="they are there")
    client.send(messages.kill("hidden", signal=signal.SIGTERM, grace_s=0.5))
    client.ended("hidden")
    assert not processes_with("sleep 4321")


def test_a_suspended_launch_is_frozen_and_ends_when_it_is_killed(yard: Yard, eve: pwd.struct_passwd) -> None:
    rig, client = yard
    client.send(rig.sh("while :; do echo tick; sleep 0.1; done", l="frozen", **as_user(eve)))
    client.expect("started", l="frozen")
    found = room(rig, "frozen")
    client.send(messages.suspend("frozen"))
    wait_for(lambda: "frozen 1" in (found / "cgroup.events").read_text(), hint="it is frozen")
    client.send(messages.resume("frozen"))
    wait_for(lambda: "frozen 0" in (found / "cgroup.events").read_text(), hint="it goes on")
    client.send(messages.suspend("frozen"))
    wait_for(lambda: "frozen 1" in (found / "cgroup.events").read_text(), hint="it is frozen again")
    client.send(messages.kill("frozen", signal=signal.SIGTERM, grace_s=0.5))
    assert client.ended("frozen")["signal"] in (signal.SIGTERM, signal.SIGKILL)


def test_launches_go_on_over_a_launcher_that_is_killed_and_none_leaves_a_cgroup(
    yard: Yard, eve: pwd.struct_passwd
) -> None:
    """The next launcher begins in the cgroup into which the first one moved aside."""
    rig, client = yard
    client.send(rig.sh("sleep 1234", l="lives", memory_mib=64, **as_user(eve)))
    client.expect("started", l="lives")
    before, found = rig.launcher_pid(), room(rig, "lives")
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: before not in rig.pids(), hint="the launcher is gone")
    again = rig.connect()
    assert "lives" in again.welcome["known"]
    assert (found / "cgroup.procs").read_text()
    assert len(cgroup_bases(cgroup_name(rig.state_dir))) == 1
    again.send(rig.sh(f"python3 -c '{HOG}'", l="after", memory_mib=64, **as_user(eve)))
    assert again.ended("after")["oom"] is True
    assert again.find("ended", l="lives") is None
    again.send(messages.kill("lives", signal=signal.SIGKILL, grace_s=0))
    assert again.ended("lives")["signal"] == signal.SIGKILL
    assert not processes_with("sleep 1234")
    wait_for(lambda: not rig.cgroups(), hint="no cgroup is left")


def test_an_ordinary_user_has_the_same_below_a_cgroup_that_was_delegated(eve: pwd.struct_passwd) -> None:
    class Users(Delegated):
        folder = ROOT / "user.service"

        def start(self, **env: str) -> None:
            make_service(self.folder, self.uid)
            enter = f'echo $$ > {self.folder}/cgroup.procs && exec "$@"'
            subprocess.run(["sh", "-c", enter, "sh", *self.argv], check=True, env=os.environ, timeout=60)

    with temporary_rig(kind=Users, user=eve.pw_name) as rig:
        client = rig.connect()
        assert client.welcome["features"]["memory"] == "cgroup v2"
        client.send(rig.sh(f"exec python3 -c '{HOG}'", l="own", memory_mib=64))
        assert client.ended("own")["oom"] is True
        wait_for(lambda: not rig.cgroups(), hint="no cgroup is left")
