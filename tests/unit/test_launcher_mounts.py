"""Which paths can be walked without waiting for anybody, by the mount table."""

import os
from pathlib import Path

import pytest

from launchyard.launcher.mounts import Mounts

LINE = "36 35 98:0 / {point} rw,noatime shared:1 - {kind} source rw\n"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A tree: local/, remote/ (a mount point), to-remote -> remote, around -> local/../remote/x."""
    (tmp_path / "local" / "deep").mkdir(parents=True)
    (tmp_path / "remote").mkdir()
    (tmp_path / "to-remote").symlink_to("remote")
    (tmp_path / "around").symlink_to("local/../remote/x")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "inside").symlink_to(tmp_path / "local" / "deep")
    return tmp_path


def mounts_with(here: Path, **kinds: str) -> Mounts:
    table = here / "mountinfo"
    lines = [LINE.format(point="/", kind="ext4"), LINE.format(point="/proc", kind="proc")]
    table.write_text(
        "".join(lines) + "".join(LINE.format(point=here / name, kind=kind) for name, kind in kinds.items())
    )
    return Mounts(str(table))


@pytest.mark.parametrize(
    ("path", "local"),
    [
        (".", True),
        ("local/deep", True),
        ("inside", True),
        ("is/not/there", True),
        ("remote", False),
        ("remote/x", False),
        ("to-remote", False),
        ("to-remote/x", False),
        ("around", False),
        ("local/../remote", False),
        ("remote/../local", False),
        ("loop", False),
    ],
)
def test_way_that_leads_through_a_file_server_is_not_local(path: str, local: bool, here: Path) -> None:
    mounts = mounts_with(here, remote="nfs4")
    assert mounts.all_local(f"{here}/{path}", []) is local
    assert mounts.all_local("/", [f"{here}/{path}/program"]) is local


def test_paths_of_proc_and_relative_ones_are_not_local(here: Path) -> None:
    mounts = mounts_with(here)
    assert not mounts.all_local("/proc/self/cwd", [])
    assert not mounts.all_local("somewhere", [])


def test_file_system_below_another_one_still_counts(here: Path) -> None:
    """What is mounted over a dead mount hides it, and may go away before we come there."""
    table = here / "mountinfo"
    table.write_text(
        "".join(LINE.format(point=p, kind=k) for p, k in [("/", "ext4"), (here, "fuse"), (here, "tmpfs")])
    )
    assert not Mounts(str(table)).all_local(str(here), [])


def test_mount_point_with_a_space_is_known_by_its_name(here: Path) -> None:
    (here / "a b").mkdir()
    table = here / "mountinfo"
    table.write_text(
        LINE.format(point="/", kind="ext4") + LINE.format(point=f"{here}/a\\040b", kind="fuse.sshfs")
    )
    assert not Mounts(str(table)).all_local(f"{here}/a b", [])


def test_interpreter_of_a_script_has_to_be_local_too(here: Path) -> None:
    mounts = mounts_with(here, remote="fuse")
    for name, first, local in (
        ("far", f"#!{here}/remote/sh -e", False),
        ("near", "#!/bin/sh", True),
        ("chain", f"#!{here}/far", False),
        ("strange", "#!sh", False),
        ("circle", f"#!{here}/circle", False),
    ):
        (here / name).write_text(first + "\n")
        assert mounts.all_local("/", [f"{here}/{name}"]) is local, name


def test_first_program_that_is_there_decides_and_nothing_but_a_file_is_a_program(here: Path) -> None:
    mounts = mounts_with(here, remote="fuse")
    (here / "local" / "tool").write_text("#!/bin/sh\n")
    os.mkfifo(here / "local" / "fifo")
    assert mounts.all_local("/", [f"{here}/nothing", f"{here}/local/tool", f"{here}/remote/tool"])
    assert not mounts.all_local("/", [f"{here}/nothing", f"{here}/remote/tool", f"{here}/local/tool"])
    assert not mounts.all_local("/", [f"{here}/local/fifo"])
    assert mounts.all_local(str(here), ["local/tool"])


@pytest.mark.parametrize("character", [b"\r", b"\x0b", b"\xff", b"\x85", b"\\134", b"\\040-\\040"])
def test_a_users_mount_of_any_name_and_kind_is_passed_over(here: Path, character: bytes) -> None:
    table = here / "mountinfo"
    lines = [LINE.format(point="/", kind="ext4"), LINE.format(point=here / "remote", kind="nfs4")]
    odd = b"50 35 0:50 / /home/ada/%bx rw - fuse.%by ada rw\n" % (character, character)
    table.write_bytes(odd + odd.join(line.encode() for line in lines) + odd)

    mounts = Mounts(str(table))

    assert mounts.all_local(str(here / "local"), [])
    assert not mounts.all_local(str(here / "remote"), [])
