"""Runtime environments as they are asked for: what is understood, what is refused, what a launch gets."""

from typing import Any

import pytest

from launchyard.model.errors import Invalid
from launchyard.model.runtimeenv import check, in_container, is_package_name, surroundings


def refused(**asked: Any) -> str:
    with pytest.raises(Invalid) as caught:
        check(asked)
    sentence = str(caught.value)
    assert sentence.startswith("runtime_env")
    assert "\n" not in sentence
    return sentence


def test_nothing_asked_for_needs_no_setup() -> None:
    assert not check({}).needs_setup
    assert not check(
        {"env_vars": {"A": "1"}, "excludes": ["*.bin"], "launchyard": {"time": "1h"}}
    ).needs_setup


def test_unknown_keys_are_left_to_others() -> None:
    assert check(
        {"nope_field": 1, "_ray_commit": "x", "java_jars": ["a"], "launchyard": {"qos": "x"}}
    ) == check({})


@pytest.mark.parametrize(
    "uri",
    [
        "gcs://_ray_pkg_0123456789abcdef.zip",
        f"package://{'0' * 64}.tar.gz",
        "https://example.org/a/b.zip?x=1",
        "s3://bucket/a.tgz",
        "gs://bucket/a.tar.xz",
        "file:///data/a.zip",
        "local:///data/project",
    ],
)
def test_files_come_from_any_of_these(uri: str) -> None:
    env = check({"working_dir": uri})
    assert env.working_dir == uri
    assert env.needs_setup


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        (".", "local path"),
        ("/home/ada/project", "is not a valid path"),
        ("ftp://x/a.zip", "unknown protocol"),
        ("gcs://a.exe", "is no archive"),
        ("gcs://../../etc/passwd.zip", "names no package"),
        ("gcs://a/b.zip", "names no package"),
        ("gcs://.zip", "names no package"),
        ("local://relative", "not absolute"),
        ("local:///data/../etc", "not absolute"),
        ("https://x/a\nb.zip", "no URI"),
        (7, "is a number"),
        (["gcs://a.zip"], "is a list"),
    ],
)
def test_other_places_are_refused_with_what_to_do(uri: Any, said: str) -> None:
    assert said in refused(working_dir=uri)


def test_modules_may_be_wheels_and_a_working_directory_not() -> None:
    assert check({"py_modules": ["gcs://a-1.0-py3-none-any.whl"]}).py_modules == (
        "gcs://a-1.0-py3-none-any.whl",
    )
    assert "is no archive" in refused(working_dir="gcs://a-1.0-py3-none-any.whl")


def test_requirements_have_the_forms_of_rays() -> None:
    for asked in ({"pip": ["a", "b==1"]}, {"pip": {"packages": ["a", "b==1"], "pip_check": False}}):
        found = check(asked).requirements
        assert found is not None
        assert (found.tool, found.lines) == ("pip", ("a", "b==1"))
    found = check(
        {"uv": {"packages": ["a"], "uv_pip_install_options": ["--pre"], "uv_check": True}}
    ).requirements
    assert found is not None
    assert (found.tool, found.options, found.check) == ("uv", ("--pre",), True)
    assert check({"pip": []}).requirements is None


def test_contradictions_are_refused() -> None:
    assert "pip and uv" in refused(pip=["a"], uv=["b"])
    assert "uv and conda" in refused(uv=["a"], conda="b")
    assert "only config and env_vars" in refused(image_uri="x", pip=["a"])
    assert "only config and env_vars" in refused(container={"image": "x"}, working_dir="gcs://a.zip")


@pytest.mark.parametrize(
    "asked",
    [
        {"pip": "requirements.txt"},
        {"pip": [1]},
        {"pip": ["a\nb"]},
        {"pip": ["x" * 5_000]},
        {"pip": {"packages": ["a"], "pip_check": "yes"}},
        {"uv": 3},
        {"conda": []},
        {"container": {}},
        {"image_uri": ""},
        {"env_vars": ["A=1"]},
        {"env_vars": {"A": 1}},
        {"env_vars": {"A=B": "1"}},
        {"env_vars": {"A": "x\0"}},
        {"py_modules": "gcs://a.zip"},
        {"excludes": "x"},
        {"config": []},
        {"config": {"setup_timeout_seconds": 0}},
        {"config": {"setup_timeout_seconds": True}},
        {"config": {"setup_timeout_seconds": "600"}},
        {"py_executable": ["python"]},
    ],
)
def test_wrong_types_are_refused_in_one_sentence(asked: dict[str, Any]) -> None:
    refused(**asked)


def test_the_time_for_a_setup_may_be_unlimited() -> None:
    assert check({}).timeout_s == 600
    assert check({"config": {"setup_timeout_seconds": 5}}).timeout_s == 5
    assert check({"config": {"setup_timeout_seconds": -1}}).timeout_s is None


def test_a_launch_gets_directory_and_variables() -> None:
    env = check(
        {
            "working_dir": "gcs://a.zip",
            "py_modules": ["gcs://b.zip", "local:///lib"],
            "pip": ["x"],
            "env_vars": {"PYTHONPATH": "/own", "GREETING": "hi $NAME ${NOBODY}", "LAUNCHYARD_JOB_ID": "9"},
        }
    )
    found = surroundings(env, "/jobs/7", {"PATH": "/bin", "NAME": "ada", "LAUNCHYARD_JOB_ID": "7"})
    assert found.working_dir == "/jobs/7/work"
    assert found.variables == {
        "PATH": "/jobs/7/venv/bin:/bin",
        "VIRTUAL_ENV": "/jobs/7/venv",
        "PYTHONPATH": "/jobs/7/work:/jobs/7/modules/0:/lib:/own",
        "GREETING": "hi ada ",
        "NAME": "ada",
        "LAUNCHYARD_JOB_ID": "7",
    }


def test_without_files_the_directory_is_as_asked() -> None:
    found = surroundings(check({"env_vars": {"A": "1"}}), "/jobs/7", {"PATH": "/bin"})
    assert found.working_dir is None
    assert found.variables == {"PATH": "/bin", "A": "1"}


def test_a_container_is_started_in_front_of_the_command() -> None:
    env = check({"container": {"image": "some/image", "run_options": ["--nv"]}})
    assert in_container(env, "apptainer", "/w") == (
        "apptainer",
        "exec",
        "--pwd",
        "/w",
        "--nv",
        "docker://some/image",
    )
    podman = in_container(env, "podman", "/w")
    assert podman[:3] == ("podman", "run", "--rm")
    assert podman[-2:] == ("--nv", "some/image")
    assert in_container(check({}), "podman", "/w") == ()


@pytest.mark.parametrize("name", ["a.zip", "_ray_pkg_01.zip", "a-1.0+x-py3-none-any.whl", "b.tar.gz"])
def test_names_of_packages(name: str) -> None:
    assert is_package_name(name)


@pytest.mark.parametrize(
    "name", ["", ".zip", "..zip", "a/b.zip", "../a.zip", "a\0.zip", "a.txt", "-a.zip", "a b.zip"]
)
def test_names_that_are_none(name: str) -> None:
    assert not is_package_name(name)
