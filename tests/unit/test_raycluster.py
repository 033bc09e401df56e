"""Jobs that ask for a Ray cluster: how it is asked for, what Ray is told, and which Ray it is."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from launchyard.cli.native.ray import refuse_other
from launchyard.cli.tunnel import Served, listen, ours
from launchyard.engine.protocol import Launch
from launchyard.model.errors import Conflict, Invalid
from launchyard.model.frozen import changed
from launchyard.model.job import Job, JobKind
from launchyard.model.raycluster import (
    COUNTING,
    driver_id,
    is_driver,
    mode_of,
    with_counting,
    with_wish,
    without_other,
)
from launchyard.raycluster import place
from launchyard.raycluster.http2 import PREFACE, Bearer, NotHttp2
from launchyard.raycluster.installed import NO_RAY, NotStarted, find
from launchyard.raycluster.shares import MIB, Share, share_of, words_of
from launchyard.raycluster.started import with_cluster
from launchyard.slurm.directives import parse_directives
from launchyard.slurm.request import job_options
from launchyard.wire.raykeys import body_of
from launchyard.wire.raysubmit import read_job, to_job

LAUNCH = Launch(
    launch_id="l1",
    job_id=1,
    uid=1000,
    node="n1",
    argv=("python", "t.py"),
    environment={},
    working_dir="/",
    spool_log="1.log",
)


def job(metadata: Mapping[str, str] | None = None, kind: JobKind = JobKind.COMMAND) -> Job:
    return Job(
        id=1,
        name="train",
        kind=kind,
        user="ada",
        uid=1000,
        partition="main",
        submitted_at=0,
        metadata=metadata or {},
    )


@pytest.mark.parametrize(
    ("metadata", "mode"),
    [({}, None), ({"launchyard.ray": "true"}, "command"), ({"launchyard.ray": "no"}, None)],
)
def test_metadata_says_whether_a_cluster_is_started(metadata: Mapping[str, str], mode: str | None) -> None:
    assert mode_of(job(metadata)) == mode


def test_a_driver_with_ray_is_nothing_but_a_cluster() -> None:
    assert mode_of(job({"launchyard.ray": "true"}, JobKind.DRIVER)) == "hold"


def test_the_runtime_environment_may_ask_for_it_too() -> None:
    assert with_wish({"a": "b"}, {"launchyard": {"ray": True}}) == {"launchyard.ray": "true", "a": "b"}


@pytest.mark.parametrize(
    ("metadata", "runtime_env"),
    [
        ({"launchyard.ray": "maybe"}, None),
        ({}, {"launchyard": {"ray": "yes"}}),
        ({"launchyard.ray": "false"}, {"launchyard": {"ray": True}}),
    ],
)
def test_a_wish_that_is_not_understood_is_refused(
    metadata: Mapping[str, str], runtime_env: Mapping[str, object] | None
) -> None:
    with pytest.raises(Invalid, match=r"launchyard\.ray"):
        with_wish(metadata, runtime_env)


def test_a_container_and_a_cluster_are_not_for_one_job() -> None:
    with pytest.raises(Invalid, match="a job in a container"):
        with_wish({"launchyard.ray": "true"}, {"image_uri": "registry/x"})


def test_a_client_of_ray_asks_in_metadata_or_in_the_runtime_environment() -> None:
    assert body_of({"launchyard.ray": "true"}, {}) == {"metadata": {"launchyard.ray": "true"}}

    asked = to_job(read_job({"entrypoint": "x", "runtime_env": {"launchyard": {"ray": True}}}), "s1")

    assert asked.metadata == {"launchyard.ray": "true"}


def test_what_belongs_to_the_cluster_of_another_job_is_not_brought_along() -> None:
    brought = {"A": "1", "RAY_ADDRESS": "10.0.0.1:6379"}

    assert without_other(brought) == brought
    assert without_other({**brought, "LAUNCHYARD_RAY": "1", "RAY_AUTH_TOKEN": "t"}) == {"A": "1"}


def test_ray_counts_by_what_comes_last_in_pythonpath() -> None:
    assert with_counting(None) == COUNTING
    assert with_counting("/a:/b") == f"/a:/b:{COUNTING}"
    assert with_counting(f"{COUNTING}:/a") == f"/a:{COUNTING}"


@pytest.mark.parametrize(("number", "name"), [(10, "0a000000"), (3, "03000000"), (2**33, "0000000002")])
def test_a_cluster_is_a_driver_with_its_number_as_ray_writes_it(number: int, name: str) -> None:
    assert driver_id(number) == name
    assert is_driver(changed(job(metadata={"launchyard.ray": "true"}), kind=JobKind.DRIVER))
    assert not is_driver(job(metadata={"launchyard.ray": "true"}))


def test_a_share_is_what_the_job_has_of_the_node() -> None:
    environ = {
        "SLURM_CPUS_ON_NODE": "4",
        "LAUNCHYARD_NODES": "n1,n2",
        "LAUNCHYARD_MEMORY_MIB": "4096",
        "CUDA_VISIBLE_DEVICES": "0,2",
    }

    assert share_of(environ) == Share(4, 2, 2048 * MIB)
    assert share_of({}) == Share(1, 0, 0)


def test_objects_get_a_part_of_the_memory_and_ray_the_rest() -> None:
    assert words_of(Share(2, 1, 1000 * MIB), 8000 * MIB) == [
        "--num-cpus=2",
        "--num-gpus=1",
        f"--memory={700 * MIB}",
        f"--object-store-memory={300 * MIB}",
    ]
    assert words_of(Share(1, 0, 100 * MIB), 0)[-1] == f"--object-store-memory={80 * MIB}"
    assert words_of(Share(1, 0, 0), 0) == ["--num-cpus=1", "--num-gpus=0"]


def test_the_command_is_executed_by_the_program_that_starts_the_cluster() -> None:
    assert with_cluster(LAUNCH.argv, None, None) == (LAUNCH.argv, None)

    argv, _ = with_cluster(LAUNCH.argv, None, "command")
    held, _ = with_cluster(LAUNCH.argv, None, "hold")

    assert argv[-2:] == LAUNCH.argv
    assert "launchyard.raycluster.head" in argv[-3]
    assert held[-3:] == ("--hold", *LAUNCH.argv)


def test_a_script_is_wrapped_whatever_bytes_it_has() -> None:
    text = b"#!/bin/sh\necho '\\x'\xff\n"

    argv, script = with_cluster(("a",), text, "command")

    assert argv == ("a",)
    assert script is not None
    assert script.startswith(b"#!")
    assert repr(text).encode() in script


def test_a_job_without_ray_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NotStarted) as refused:
        find(["python", "t.py"])

    assert str(refused.value) == NO_RAY


def test_the_ray_of_the_commands_own_python_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python3.11"
    python.write_text("#!/bin/sh\necho 2.60.0 3.11 1\n")
    python.chmod(0o755)
    monkeypatch.setenv("PATH", os.devnull)

    found = find([str(python), "t.py"])

    assert found == (str(python), "2.60.0", "3.11", True)
    assert found.start("--head")[:3] == [str(python), "-m", "ray.scripts.scripts"]


def test_the_directory_of_a_cluster_is_named_by_the_short_way(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60)
    deep.mkdir()
    short = tmp_path / "s"
    short.symlink_to(deep)

    assert place.directory(str(deep), str(short)) == f"{short}/ray"
    assert (deep / "ray").is_dir()


def test_what_is_written_down_is_for_its_user_alone(tmp_path: Path) -> None:
    facts = place.Facts("10.0.0.1:1", "secret", 10001, "2.60.0", "3.11")

    assert place.read(str(tmp_path)) is None
    place.write(str(tmp_path), facts)

    assert place.read(str(tmp_path)) == facts
    assert (tmp_path / place.FACTS).stat().st_mode & 0o777 == 0o600


def test_ports_are_free_and_different() -> None:
    assert len(set(place.free_ports(3))) == 3


def test_a_script_asks_for_it_in_its_head() -> None:
    assert job_options(parse_directives("#!/bin/sh\n#LY --ray -c 2\n"))["metadata"] == {
        "launchyard.ray": "true"
    }


def frame(kind: int, flags: int, data: bytes, stream: int = 1) -> bytes:
    return len(data).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + data


FIELD = b"\x10\x0dauthorization\x0eBearer secret!"
SETTINGS = frame(4, 0, b"", stream=0)


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_the_token_is_put_into_each_request_of_a_client_whatever_comes_at_once(step: int) -> None:
    first = frame(1, 4 | 1, b"abc")
    data = frame(0, 0, b"x" * 50)
    second = frame(1, 0, b"de", stream=3) + frame(9, 4, b"f", stream=3)
    bearer, sent = Bearer("secret!"), b""
    whole = PREFACE + SETTINGS + first + data + second

    for at in range(0, len(whole), step):
        sent += bearer.feed(whole[at : at + step])

    assert sent == (
        PREFACE
        + SETTINGS
        + frame(1, 1, b"abc")
        + frame(9, 4, FIELD)
        + data
        + frame(1, 0, b"de", stream=3)
        + frame(9, 0, b"f", stream=3)
        + frame(9, 4, FIELD, stream=3)
    )


def test_what_is_no_client_of_ray_is_refused() -> None:
    with pytest.raises(NotHttp2):
        Bearer("t").feed(b"GET / HTTP/1.1\r\n")


def test_another_ray_or_python_is_told_before_the_tunnel_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 2.49.0 3.12 1\n")
    python.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    refuse_other(Served("2.49.0", "3.12"), [])
    with pytest.raises(Conflict) as refused:
        refuse_other(Served("2.60.0", "3.11"), [])

    assert str(refused.value) == (
        f"the cluster has Ray 2.60.0 with Python 3.11, and {python} has Ray 2.49.0 with Python 3.12; "
        "connect from an environment with Python 3.11 and ray[client]==2.60.0"
    )


def test_a_port_that_is_taken_is_told_unless_any_will_do() -> None:
    with listen(0, else_any=False) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Invalid, match=f"port {port} "):
            listen(port, else_any=False)
        with listen(port, else_any=True) as other:
            assert other.getsockname()[1] != port


def test_only_programs_of_our_own_user_are_let_in() -> None:
    with listen(0, else_any=True) as listener, socket.create_connection(listener.getsockname()):
        there, _ = listener.accept()
        with there:
            assert ours(there)
