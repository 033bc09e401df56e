"""What the runner of a job brings about on a node that shares nothing with us: log, and a session's code."""

import json
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest

from launchyard.agent import code
from launchyard.engine.protocol import Launch
from launchyard.engine.slurm.asking import PACKAGE, PYTHON, Code, script_of
from launchyard.launcher.messages import PACKAGE_PARENT

ROOT = Path(PACKAGE_PARENT) / "launchyard"
RUNNER = (ROOT / "engine/slurm/runner.py").read_text()


def ran(
    directory: Path, *argv: str, brought: Code | None = None, **changes: Any
) -> "subprocess.CompletedProcess[str]":
    launch = Launch(
        **{
            **{"launch_id": "ab12", "job_id": 7, "uid": 0, "node": "", "argv": argv, "environment": {}},
            **{"working_dir": "/", "spool_log": "", **changes},
        }
    )
    records, path = str(directory / "home" / "records"), directory / "slurm_script"
    path.write_bytes(script_of(launch, RUNNER, records, log=f"{records}/7.log", code=brought))
    path.chmod(0o700)
    environment = {"PATH": "/usr/bin:/bin", "SLURM_JOB_ID": "12", "HOME": str(directory)}
    return subprocess.run([path], env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_log_is_made_on_the_node_for_its_user_alone(tmp_path: Path) -> None:
    said = ran(tmp_path, "sh", "-c", "echo out; echo wrong >&2")
    log = tmp_path / "home" / "records" / "7.log"
    assert (said.stdout, log.read_text()) == ("", "out\nwrong\n")
    assert (log.stat().st_mode & 0o777, log.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_output_that_the_job_names_is_slurms_to_open(tmp_path: Path) -> None:
    assert ran(tmp_path, "echo", "out", stdout="/somewhere").stdout == "out\n"
    said = ran(tmp_path, "sh", "-c", "echo out; echo wrong >&2", launch_id="ab13", stderr="/somewhere")
    assert (said.stdout, said.stderr) == ("", "wrong\n")


@pytest.fixture
def brought() -> Code:
    packed = code.pack(str(ROOT))
    return Code(packed=zlib.compress(packed), version=code.digest(packed), root="~/code")


def test_code_of_a_session_is_there_once_and_found_by_what_is_started(tmp_path: Path, brought: Code) -> None:
    program = (
        f"import sys; sys.path.append('{PACKAGE}'); from launchyard.attendant import order; print(order)"
    )
    variables = {"LAUNCHYARD_SESSION": json.dumps({"folder": f"{PACKAGE}/launchyard/apps/jupyter"})}
    for launch_id in ("ab12", "ab13"):
        ran(tmp_path, PYTHON, "-I", "-S", "-c", program, brought=brought, launch_id=launch_id)
    place = tmp_path / "code" / brought.version
    assert list(place.parent.iterdir()) == [place]
    log = (tmp_path / "home" / "records" / "7.log").read_text().splitlines()
    assert len(log) == 2
    assert str(place) in log[0]
    ran(tmp_path, "env", brought=brought, launch_id="ab14", environment=variables)
    assert f'{place}/launchyard/apps/jupyter"' in (tmp_path / "home" / "records" / "7.log").read_text()


def test_code_is_put_where_nobody_else_can_write(tmp_path: Path, brought: Code) -> None:
    """Threat 18."""
    (tmp_path / "code").mkdir(mode=0o777)
    (tmp_path / "code").chmod(0o777)
    ran(tmp_path, "true", brought=brought)
    record = json.loads((tmp_path / "home" / "records" / "ab12.end").read_text())
    assert record["error"].endswith("/code: Operation not permitted")


def test_runtime_environment_that_the_node_does_not_see_is_named(tmp_path: Path) -> None:
    ran(
        tmp_path, "touch", str(tmp_path / "begun"), needs="/proc/no/such/place", working_dir="/proc/no/such/x"
    )
    record = json.loads((tmp_path / "home" / "records" / "ab12.end").read_text())
    assert record["error"].startswith(
        "its runtime environment was made on the server, and is not seen on node"
    )
    assert "/proc/no/such/place must be on a file system that the nodes share" in record["error"]
    assert not (tmp_path / "begun").exists()
