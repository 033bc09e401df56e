"""The operator guide: what it has an operator type is typed here, in its order, and its settings are read.

The commands of `ly` act on an installation below a directory of the test: paths of the machine are those of
that directory. What systemd would do for `systemctl` is done by hand. To make the environment in /opt is the
tour's (tests/tour), from the wheel.
"""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.config import load
from tests.system.ly import LY, variables
from tests.system.product import DEFAULT_CONFIG, Client, wait_for
from tests.system.units import Unit, passable_folder
from tests.tidy.source import ROOT

PAGE = (ROOT / "docs/guides/operator.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
TYPED = [line[2:] for kind, text in BLOCKS if not kind for line in text.splitlines() if line[:2] == "$ "]
SETTINGS = [text for kind, text in BLOCKS if kind == "toml"]
ELSEWHERE = ("python3 -m venv", "/opt/launchyard/bin/pip", "ln -s")
"""What makes or changes the environment: the tour does it."""
PATIENCE_S = 120.0


class Machine:
    """A machine as the guide finds it, below one directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config, self.state = folder / "etc/launchyard/config.toml", folder / "var/lib/launchyard"
        self.config.parent.mkdir(parents=True)
        self.config.write_text(DEFAULT_CONFIG)
        self.config.chmod(0o600)
        (folder / "var/backups").mkdir(parents=True)
        self._daemon: subprocess.Popen[bytes] | None = None

    def type(self, line: str) -> str:
        """What it printed."""
        words = shlex.split(line)
        if words[0] == "systemctl":
            self._systemctl(*words[1:])
            return ""
        assert words[0] == "ly", f"the guide types {line!r}, which nobody tries"
        return self._ly([self._here(word) for word in words[1:]])

    def _here(self, word: str) -> str:
        return str(self.folder) + word if word.startswith(("/etc/", "/var/")) else word

    def _ly(self, words: list[str]) -> str:
        if words[:2] == ["admin", "install"]:
            places = ("--state", str(self.state), "--config", str(self.config))
            words += ["--root", str(self.folder / "image"), *places]
        if words[0] in ("backup", "restore"):
            words += ["--state", str(self.state), "--config", str(self.config)]
        done = subprocess.run(
            [*LY, *words],
            env=variables(self.state),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        # A test machine may have something that is FAIL, such as a disk that is nearly full.
        assert done.returncode == 0 or (words[0] == "doctor" and "FAIL" in done.stdout), (words, done)
        return done.stdout

    def _systemctl(self, verb: str, *names: str) -> None:
        name = names[-1] if names else ""
        if verb == "daemon-reload":
            return
        if verb == "enable":
            self._unit("launchyard-launcher").start(self.folder)
        if verb in ("stop", "restart"):
            self.stop()
        if verb in ("enable", "start", "restart"):
            self._daemon = self._unit("launchyard").start(self.folder)
        elif verb == "reload":
            unit = self._unit(name)
            pid = self._daemon.pid if name == "launchyard" and self._daemon else unit.pid
            unit.reload(pid)

    def stop(self) -> None:
        if self._daemon is not None:
            self._daemon.terminate()
            assert self._daemon.wait(PATIENCE_S) == 0
            self._daemon = None

    def _unit(self, name: str) -> Unit:
        return Unit(self.folder / f"image/etc/systemd/system/{name}.service")


@pytest.fixture
def machine() -> Iterator[Machine]:
    with passable_folder() as folder:
        one = Machine(folder)
        yield one
        one.stop()


@pytest.mark.root
@pytest.mark.timeout(600)
def test_everything_in_the_operator_guide_works_as_written(machine: Machine) -> None:
    typed = [line for line in TYPED if not line.startswith(ELSEWHERE)]
    assert len(typed) > 25

    said = {line: machine.type(line) for line in typed}

    client = Client(machine.state / "run" / "api.sock")
    wait_for(lambda: client.call("GET", "/v1/health"), PATIENCE_S, "the server answers")
    jobs = client.call("GET", "/v1/jobs?state=COMPLETED")["jobs"]
    source = client.call("GET", "/v1/admin/policy")["source"]
    client.close()
    assert [job["command"] for job in jobs] == ["hostname"], "it outlives restore, reload and restart"
    assert "physics" in said["ly admin show"]
    assert source == "run time", "what was set outlives a reload and a restart of the service"
    assert (machine.folder / "var/backups/before-upgrade.backup").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", range(len(SETTINGS)))
def test_each_setting_of_the_guide_can_be_read(number: int, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(SETTINGS[number])
    load(path, root=False, environ={"HOME": "/h"})


def test_the_guide_has_what_an_operator_needs() -> None:
    titles = " ".join(re.findall(r"^## \d+\. (.*)$", PAGE, re.MULTILINE)).lower()
    for subject in ("install", "users", "reach", "backups", "kept", "second server", "mail", "version"):
        assert subject in titles
