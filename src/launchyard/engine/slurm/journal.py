"""Which launches may have been given to Slurm: written down before sbatch is started, kept until the end.

Without it a daemon that died while sbatch ran could not know whether to give the launch to Slurm again. What
is in here is never given twice; what became of it is asked of Slurm by its mark.
"""

import contextlib
import json
import os
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LINES_MAX = 20_000
"""So many lines more than launches, and the file is written anew."""
GONE_MAX = 10_000
"""So many of the last launches that are over are known, so that a late order starts none of them again."""


@dataclass(slots=True)
class Given:
    """A launch that may be Slurm's: whose, since when, and under which number, once that is known."""

    uid: int
    at: float
    job_id: int = 0
    slurm_id: int | None = None
    directory: str = ""
    """Where its runner keeps its records, as its user."""
    memory_mib: int = 0
    names_output: bool = False
    """Its output goes where the job says, not beside its records."""
    session: bool = False
    needs: str = ""
    """The directory that must be there where it runs."""
    found: bool = False
    """Its user gave it to Slurm past us."""
    output: str | None = None
    """Of such a one, where Slurm lets it print; empty: that is not known."""


class Journal:
    """Lines of JSON, one a fact; durable when a method returns. A torn last line was never acted upon."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.launches: dict[str, Given] = {}
        self.gone: dict[str, None] = {}
        """Launches that are over, the last ones."""
        self.epoch = ""
        self._lines = 0
        self._torn = False
        """The disk was full in the middle of a line."""
        self._writing = threading.Lock()
        self._load()
        self._fd = -1
        self._rewrite()

    def note(self, launches: Iterable[tuple[str, Given]]) -> list[dict[str, Any]]:
        """These are about to be given to Slurm: the lines to `write`, from any thread, before they are."""
        found = dict(launches)
        self.launches.update(found)
        return [_line(launch_id, given) for launch_id, given in found.items()]

    def write(self, lines: list[dict[str, Any]]) -> None:
        """Durable when this returns."""
        self._append(lines)

    def took(self, launch_id: str, slurm_id: int) -> None:
        """Slurm has it, under this number."""
        given = self.launches[launch_id]
        given.slurm_id = slurm_id
        self._add([_line(launch_id, given)])

    def over(self, launch_ids: Iterable[str]) -> None:
        """Their ends are durable with the controller."""
        gone = [one for one in launch_ids if self.launches.pop(one, None) is not None]
        if gone:
            self._remember(gone)
            self._add([{"over": one} for one in gone])
        if self._lines > len(self.launches) + len(self.gone) + LINES_MAX:
            with contextlib.suppress(OSError):
                self._rewrite()

    def close(self) -> None:
        os.close(self._fd)
        self._fd = -1

    def _load(self) -> None:
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            text = ""
        for line in text.split("\n"):
            try:
                fact = json.loads(line) if line else {}
            except ValueError:
                continue
            if "epoch" in fact:
                self.epoch = fact["epoch"]
            elif "over" in fact:
                self.launches.pop(fact["over"], None)
                self._remember([fact["over"]])
            elif "launch" in fact:
                launch_id = fact.pop("launch")
                self.launches[launch_id] = Given(**fact)
        self.epoch = self.epoch or secrets.token_hex(8)

    def _remember(self, gone: Iterable[str]) -> None:
        self.gone.update(dict.fromkeys(gone))
        while len(self.gone) > GONE_MAX:
            del self.gone[next(iter(self.gone))]

    def _rewrite(self) -> None:
        """The whole of it anew, in one step."""
        with self._writing:
            self._write_anew()

    def _write_anew(self) -> None:
        part = self._path.with_suffix(".part")
        gone = ({"over": one} for one in self.gone)
        lines = [{"epoch": self.epoch}, *gone, *(_line(*one) for one in self.launches.items())]
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_APPEND, 0o600)
        try:
            _write(fd, _text(lines))
            part.replace(self._path)
        except OSError:
            os.close(fd)
            raise
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._lines = fd, len(lines)

    def _add(self, lines: list[dict[str, Any]]) -> None:
        """What can be found out again from Slurm need not be on the disk, at once or without room."""
        with contextlib.suppress(OSError):
            self._append(lines, durable=False)

    def _append(self, lines: list[dict[str, Any]], *, durable: bool = True) -> None:
        with self._writing:
            self._lines += len(lines)
            torn, self._torn = self._torn, True
            _write(self._fd, b"\n" * torn + _text(lines), durable=durable)
            self._torn = False


def _line(launch_id: str, given: Given) -> dict[str, Any]:
    facts = {name: getattr(given, name) for name in Given.__slots__}
    return {"launch": launch_id, **facts}


def _text(lines: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in lines).encode()


def _write(fd: int, text: bytes, *, durable: bool = True) -> None:
    """All of it, or `OSError`: a disk that gets full takes some of it at first."""
    while text:
        text = text[os.write(fd, text) :]
    if durable:
        os.fdatasync(fd)
