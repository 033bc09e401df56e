"""Cgroups: finding our own in every layout, and cgroup v2 on a tree of plain files."""

from pathlib import Path

import pytest

from launchyard.launcher import cgroups
from launchyard.launcher.cgroups import Cgroups, Layout, own_cgroups

V2_MOUNT = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
HYBRID = (
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "36 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "39 31 0:36 / /sys/fs/cgroup/pids rw shared:9 - cgroup cgroup rw,pids\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
)


def test_our_own_cgroup_in_v2_is_below_its_mount() -> None:
    assert own_cgroups(V2_MOUNT, "0::/user.slice/user-7.slice\n") == {
        "unified": "/sys/fs/cgroup/user.slice/user-7.slice"
    }


def test_the_hybrid_layout_gives_limits_from_v1_and_kill_from_v2() -> None:
    membership = "4:memory:/box\n3:pids:/\n2:cpu,cpuacct:/\n1:name=systemd:/\n0::/\n"
    assert own_cgroups(HYBRID, membership) == {
        "memory": "/sys/fs/cgroup/memory/box",
        "pids": "/sys/fs/cgroup/pids",
        "unified": "/sys/fs/cgroup/unified",
    }


def test_a_mount_of_a_part_of_the_hierarchy_is_seen_from_its_root() -> None:
    mount = "30 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    assert own_cgroups(mount, "0::/docker/abc/job\n") == {"unified": "/sys/fs/cgroup/job"}
    assert own_cgroups(mount, "0::/elsewhere\n") == {}


def test_names_with_colons_are_paths() -> None:
    assert own_cgroups(V2_MOUNT, "0::/a:b/c\n") == {"unified": "/sys/fs/cgroup/a:b/c"}


def test_what_a_service_runs_is_beside_it_so_that_it_can_be_started_again(tmp_path: Path) -> None:
    """Not where the service's own are from before, and not where it may not write."""
    mountinfo = f"30 23 0:26 / {tmp_path} rw - cgroup2 cgroup2 rw\n"
    service = tmp_path / "system.slice" / "launchyard.service"
    service.mkdir(parents=True)
    for place in (service, service.parent):
        (place / "cgroup.controllers").write_text("memory pids")
        (place / "cgroup.procs").write_text("")

    def base() -> Path:
        membership = f"0::/{service.relative_to(tmp_path)}\n"
        assert cgroups.find("/state", mountinfo=mountinfo, membership=membership) is None, "it has no files"
        (made,) = tmp_path.rglob("launchyard-*")
        return made

    first = base()
    assert first.parent == service.parent
    first.rmdir()
    (service / first.name).mkdir()
    assert base().parent == service


def test_a_launcher_that_moved_aside_finds_its_launches_again(tmp_path: Path) -> None:
    """In v2 it must leave its own cgroup to hand controllers down; the next one begins where it went."""
    mountinfo = f"30 23 0:26 / {tmp_path} rw - cgroup2 cgroup2 rw\n"
    service = tmp_path / "launchyard.service"

    def layout_from(folder: Path) -> Layout | None:
        for place in (service, folder):
            for name, text in (("cgroup.controllers", "memory pids"), ("cgroup.procs", "")):
                place.mkdir(exist_ok=True)
                (place / name).write_text(text)
        membership = f"0::/{folder.relative_to(tmp_path)}\n"
        return cgroups.find("/state", mountinfo=mountinfo, membership=membership)

    found = layout_from(service)
    if found is None:
        (base,) = service.glob("launchyard-*")
        (base / "cgroup.procs").write_text("")
        (base / "cgroup.subtree_control").write_text("memory pids")
        found = layout_from(service)
    assert found is not None
    base = Path(found.dirs["unified"])
    assert layout_from(base.with_name(base.name + ".self")) == found


@pytest.fixture
def tree(tmp_path: Path) -> Cgroups:
    """A v2 hierarchy of plain files with one launch `l1` in it."""
    folder = tmp_path / "l1"
    folder.mkdir()
    files = {
        "cgroup.procs": "",
        "cgroup.kill": "",
        "cgroup.freeze": "1",
        "cpu.stat": "usage_usec 1500000\nuser_usec 7\n",
        "memory.events": "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n",
        "memory.stat": "anon 104857600\nfile 5\n",
        "memory.peak": "209715200\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return Cgroups(Layout({"unified": str(tmp_path)}, frozenset({"memory", "pids", "cpuset"})))


def test_v2_limits_are_settings_of_the_one_room(tree: Cgroups, tmp_path: Path) -> None:
    (room,) = tree.rooms("l2", memory_mib=100, pids_max=50, cpu_ids=[3, 1])
    assert room.path == str(tmp_path / "l2")
    assert {(file, text) for file, text, _ in room.settings} == {
        ("memory.max", "104857600"),
        ("memory.swap.max", "0"),
        ("memory.oom.group", "0"),
        ("pids.max", "50"),
        ("cpuset.cpus", "1,3"),
    }


def test_v2_counters_are_read_by_name(tree: Cgroups) -> None:
    assert tree.figures("l1") == cgroups.Figures(1.5, 2)
    assert tree.resident_mib("l1") == 100
    assert tree.peak_bound_mib("l1") == 200


def test_a_kill_in_v2_thaws_and_is_one_write(tree: Cgroups, tmp_path: Path) -> None:
    tree.kill("l1")
    assert (tmp_path / "l1/cgroup.kill").read_text() == "1"
    assert (tmp_path / "l1/cgroup.freeze").read_text() == "0"


def test_a_launch_is_frozen_where_there_is_a_freezer_and_says_so_where_there_is_none(
    tree: Cgroups, tmp_path: Path
) -> None:
    tree.thaw("l1")
    assert tree.freeze("l1")
    assert (tmp_path / "l1/cgroup.freeze").read_text() == "1"
    assert not tree.freeze("gone")
    (tmp_path / "v1/l1").mkdir(parents=True)
    (tmp_path / "v1/l1/freezer.state").write_text("THAWED")
    assert Cgroups(Layout({"freezer": str(tmp_path / "v1")})).freeze("l1")
    assert (tmp_path / "v1/l1/freezer.state").read_text() == "FROZEN"


def test_features_say_what_holds(tree: Cgroups) -> None:
    assert (tree.memory, tree.processes, tree.samples_limit) == ("cgroup v2", "cgroup.kill", False)
    bare = Cgroups(Layout({"unified": "/x"}))
    assert (bare.memory, bare.processes, bare.samples_limit) == ("sampling", "cgroup.kill", True)
    old = Cgroups(Layout({"memory": "/m", "freezer": "/f", "pids": "/p"}))
    assert (old.memory, old.processes) == ("cgroup v1", "freezer")


def test_figures_of_a_cgroup_that_is_gone_are_unknown(tree: Cgroups) -> None:
    assert tree.figures("none") == cgroups.Figures(None, 0)
    assert tree.emptied("none")


def test_v1_rooms_hold_each_limit_in_its_hierarchy() -> None:
    old = Cgroups(Layout({"unified": "/u", "memory": "/m", "pids": "/p"}))
    rooms = {room.path: room.settings for room in old.rooms("l", memory_mib=1, pids_max=9, cpu_ids=[])}
    assert list(rooms) == ["/u/l", "/m/l", "/p/l"]
    assert rooms["/m/l"][0] == ("memory.limit_in_bytes", "1048576", True)
    assert rooms["/p/l"] == (("pids.max", "9", True),)


@pytest.mark.parametrize("character", ["\r", "\x0b", "\x1c", "\x85", "\u2028", "\u3000", "\udcff", " - "])
def test_a_users_mount_of_any_name_hides_no_cgroup(character: str) -> None:
    """The kernel writes spaces, tabs, ends of lines and backslashes as octal, and all else as it is."""
    name = character.replace(" ", "\\040")
    mount = f"50 23 0:50 / /home/ada/{name}x rw - fuse.{name}y ada rw\n"
    assert own_cgroups(mount + V2_MOUNT + mount, "0::/a\n") == {"unified": "/sys/fs/cgroup/a"}
