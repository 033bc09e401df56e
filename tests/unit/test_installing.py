"""Environments of jobs: what makes two of them the same, and what a job gets from the one that is kept."""

import io
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from launchyard.helper.installing import COPY_MAX_BYTES, Installer, _divided, furnish_venv, masked
from launchyard.helper.pipsettings import from_pip
from launchyard.helper.shelf import SetupFailed, Weight
from launchyard.model.runtimeenv import Requirements, RuntimeEnv

SMALL, LARGE = Weight(1, 1), Weight(COPY_MAX_BYTES + 1, 1)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with a module, a script and a path file, as uv makes them."""
    path = tmp_path_factory.mktemp("kept") / "venv"
    venv.create(path, symlinks=True)
    (packages,) = path.glob("lib/*/site-packages")
    (packages / "mymod.py").write_text("X = 1\n")
    (packages / "below").mkdir()
    (packages / "below" / "deepmod.py").write_text("Y = 2\n")
    (packages / "my.pth").write_text("below\n")
    script = path / "bin" / "my-script"
    script.write_text(f"#!{path}/bin/python\nimport mymod, sys\nprint(mymod.X, sys.prefix)\n")
    script.chmod(0o755)
    return path


def said(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(("weight", "leads"), [(SMALL, False), (LARGE, True)])
def test_a_job_has_an_environment_of_its_own(kept: Path, tmp_path: Path, weight: Weight, leads: bool) -> None:
    own = tmp_path / "job" / "venv"
    own.parent.mkdir()
    fresh = tmp_path / "fresh"
    assert furnish_venv(str(kept), weight, str(fresh), str(own)) is leads
    fresh.rename(own)
    assert said(own / "bin/my-script") == f"1 {own}"
    code = "import mymod, deepmod, site; print(deepmod.Y, site.getsitepackages()[0])"
    number, packages = said(own / "bin/python", "-c", code).split()
    assert number == "2"
    assert packages.startswith(str(own))
    (Path(packages) / "mymod.py").write_text("X = 666\n")
    assert said(own / "bin/my-script") == f"666 {own}"
    assert said(kept / "bin/my-script") == f"1 {kept}"


def installer(tmp_path: Path, **environ: str) -> Installer:
    variables = {"PATH": str(Path(sys.executable).parent), "HOME": str(tmp_path), **environ}
    return Installer(RuntimeEnv(), variables, str(tmp_path), lambda what: None, io.StringIO())


def key(tmp_path: Path, *lines: str, tool: str = "pip", tree: str | None = None, **environ: str) -> str:
    asked = Requirements(tool=tool, lines=lines)
    made = installer(tmp_path, **environ)
    return made.key(asked, made.lines(asked, tree), tree)


def test_the_same_requirements_are_the_same_environment(tmp_path: Path) -> None:
    assert key(tmp_path, "a", "b==1") == key(tmp_path, "a", "b==1", tool="uv")
    assert key(tmp_path, "a") == key(tmp_path, "a", LEVEL="debug", LAUNCHYARD_JOB_ID="7")
    assert key(tmp_path, "a") == key(tmp_path, "a", tree="/of/one/job")


def test_other_requirements_settings_and_files_are_another_one(tmp_path: Path) -> None:
    assert key(tmp_path, "a") != key(tmp_path, "b")
    assert key(tmp_path, "a==${V}", V="1") != key(tmp_path, "a==${V}", V="2")
    assert key(tmp_path, "a") != key(tmp_path, "a", PIP_INDEX_URL="file:///mirror")
    assert key(tmp_path, "-r requirements.txt", tree="/one") != key(
        tmp_path, "-r requirements.txt", tree="/two"
    )
    local = tmp_path / "a-1.0-py3-none-any.whl"
    local.write_text("old")
    before = key(tmp_path, f"a @ file://{local}")
    local.write_text("new one")
    assert key(tmp_path, f"a @ file://{local}") != before


def test_no_password_is_among_the_arguments_or_said() -> None:
    """Threat 15: arguments are seen by everybody, reasons by whoever may see jobs."""
    secret = "https://ada:geheim@example.org/simple"
    addresses, others = _divided(["--index-url", secret, f"--extra-index-url={secret}", "--pre", "--no-deps"])
    assert addresses == [f"--index-url {secret}", f"--extra-index-url {secret}"]
    assert others == ["--prerelease=allow", "--no-deps"]
    assert masked(f"installing x @ {secret}") == "installing x @ https://****@example.org/simple"


def test_an_interpreter_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SetupFailed, match="no python3 in"):
        installer(tmp_path, PATH=str(tmp_path))
    with pytest.raises(SetupFailed, match="py_executable /no/python is not there"):
        Installer(RuntimeEnv(py_executable="/no/python"), {}, str(tmp_path), lambda what: None, io.StringIO())


def test_pips_settings_are_told_to_uv(tmp_path: Path) -> None:
    (tmp_path / ".config/pip").mkdir(parents=True)
    (tmp_path / ".config/pip/pip.conf").write_text(
        "[global]\nindex-url = file:///a\nextra-index-url =\n  file:///b\n  file:///c\nfind-links = /w /x\n"
    )
    home = {"HOME": str(tmp_path)}
    told = from_pip(home)
    assert told["UV_DEFAULT_INDEX"] == "file:///a"
    assert told["UV_INDEX"] == "file:///b file:///c"
    assert told["UV_FIND_LINKS"] == "/w,/x"
    assert told["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert from_pip({**home, "PIP_INDEX_URL": "file:///other"})["UV_DEFAULT_INDEX"] == "file:///other"


def test_uvs_own_settings_go_before_pips(tmp_path: Path) -> None:
    told = from_pip({"HOME": str(tmp_path), "PIP_INDEX_URL": "file:///pip", "UV_DEFAULT_INDEX": "file:///uv"})
    assert "UV_DEFAULT_INDEX" not in told
    assert "UV_INDEX_STRATEGY" not in told
