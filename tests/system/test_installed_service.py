"""Units written by `ly admin install`, checked by systemd's own tool, and their commands run by hand.

systemd itself is not on test machines, so a test does what it would do (`tests.system.units`).
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.accounts import account
from tests.system.ly import ly
from tests.system.product import DEFAULT_CONFIG, PATIENCE_S, Client, wait_for
from tests.system.units import Unit, passable_folder

JOBS = 50


@pytest.fixture
def folder() -> Iterator[Path]:
    with passable_folder() as path:
        yield path


def installed(folder: Path) -> tuple[Unit, Unit, Path]:
    """The daemon's unit, the launcher's, and the state directory."""
    config, state = folder / "config.toml", folder / "state"
    config.write_text(DEFAULT_CONFIG.replace("cpus = 4", f"cpus = {JOBS}"))
    config.chmod(0o600)
    done = ly(
        None,
        "admin",
        "install",
        "--systemd",
        "--root",
        str(folder / "image"),
        "--state",
        str(state),
        "--config",
        str(config),
    )
    assert done.code == 0, done
    units = folder / "image/etc/systemd/system"
    return Unit(units / "launchyard.service"), Unit(units / "launchyard-launcher.service"), state


def test_units_pass_systemds_own_check_and_nothing_is_written_in_a_dry_run(folder: Path) -> None:
    daemon, launcher, _ = installed(folder)
    for unit in (daemon, launcher):
        assert (unit.values["KillMode"], unit.values["Delegate"]) == ("process", "yes")
        assert unit.values["ExecStart"].startswith(f"{sys.executable} -P -m launchyard.")
    if program := shutil.which("systemd-analyze"):
        units = folder / "image/etc/systemd/system"
        words = [program, "verify", "--man=no", *map(str, sorted(units.iterdir()))]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert "launchyard" not in done.stderr, done.stderr

    dry = ly(None, "admin", "install", "--systemd", "--root", str(folder / "other"), "--dry-run")
    assert "KillMode=process" in dry.out
    assert not (folder / "other").exists()


def test_a_configuration_that_is_there_stays(folder: Path) -> None:
    config = folder / "image/etc/launchyard/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("grace_s = 5\n")
    done = ly(None, "admin", "install", "--systemd", "--root", str(folder / "image"))
    assert done.code == 0, done
    assert config.read_text() == "grace_s = 5\n"


@pytest.mark.parametrize("word", ["relative/state", "/var/lib/launch yard", "/var/lib/100%"])
def test_paths_that_a_unit_cannot_hold_are_refused(folder: Path, word: str) -> None:
    done = ly(None, "admin", "install", "--systemd", "--root", str(folder), "--state", word)
    assert done.code == 2
    assert "Traceback" not in done.err


@pytest.mark.root
def test_daemon_and_launcher_are_upgraded_under_fifty_jobs_and_lose_none(folder: Path) -> None:
    daemon_unit, launcher_unit, state = installed(folder)
    launcher_unit.start(folder)
    keeper = launcher_unit.pid
    daemon = daemon_unit.start(folder)
    client = Client(state / "run" / "api.sock")
    gate = folder / "go"
    words = f"while ! test -e {gate}; do sleep 0.2; done; exit $((LAUNCHYARD_JOB_ID % 100))"
    jobs = [
        client.call("POST", "/v1/jobs", {"command": words, "resources": {"cpus": 1, "memory_mib": 16}})["id"]
        for _ in range(JOBS)
    ]

    def all_run() -> bool:
        return bool(client.call("GET", "/v1/status")["jobs"].get("RUNNING", 0) == JOBS)

    wait_for(all_run, PATIENCE_S, "fifty jobs run")

    launcher_unit.reload(keeper)
    wait_for(
        lambda: "starting anew by exec" in (state / "launcher/launcher.log").read_text(), PATIENCE_S, "exec"
    )
    client.close()
    daemon.terminate()
    assert daemon.wait(60) == 0, (folder / "unit.out").read_text()
    daemon = daemon_unit.start(folder)
    assert launcher_unit.pid == keeper
    wait_for(all_run, PATIENCE_S, "fifty jobs run on")

    daemon_unit.reload(daemon.pid)
    gate.touch()
    client.close()

    def ended() -> list[tuple[str, int]] | None:
        found = [client.call("GET", f"/v1/jobs/{job}") for job in jobs]
        return (
            [(one["state"], one["exit_code"]) for one in found]
            if all(one["ended_at"] for one in found)
            else None
        )

    ends = wait_for(ended, PATIENCE_S, "all have ended")
    assert ends == [("FAILED" if job % 100 else "COMPLETED", job % 100) for job in jobs]
    daemon.terminate()
    assert daemon.wait(60) == 0


@pytest.mark.root
def test_the_daemon_becomes_its_user_and_the_launcher_stays_root(folder: Path) -> None:
    daemon_unit, launcher_unit, state = installed(folder)
    user = account("ly-daemon")
    config = folder / "config.toml"
    config.write_text(config.read_text().replace('daemon_user = "root"', f'daemon_user = "{user.pw_name}"'))
    try:
        launcher_unit.start(folder)
    except AssertionError as error:
        if "cannot reach" in str(error):
            pytest.skip(f"this checkout is not for every user: {error}")
        raise
    daemon = daemon_unit.start(folder)
    assert Path(f"/proc/{daemon.pid}").stat().st_uid == user.pw_uid
    assert Path(f"/proc/{launcher_unit.pid}").stat().st_uid == 0
    client = Client(state / "run" / "api.sock")
    job = client.call("POST", "/v1/jobs", {"command": "id -u"})["id"]
    wait_for(lambda: client.call("GET", f"/v1/jobs/{job}")["state"] == "COMPLETED", PATIENCE_S, "it ends")
    assert client.call("GET", f"/v1/jobs/{job}/logs") == b"0\n"
    client.close()
    daemon.terminate()
    assert daemon.wait(60) == 0, (folder / "unit.out").read_text()
