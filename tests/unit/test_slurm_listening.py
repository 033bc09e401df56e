"""Where srun listens: in the job's own TMPDIR by a way that is short enough; elsewhere nothing is left."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.cli.slurm.steps import listening
from launchyard.cli.slurm.steps.listening import Listener


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The place for those who have no TMPDIR of their own."""
    with tempfile.TemporaryDirectory(prefix="l-") as directory:
        monkeypatch.setattr(listening, "_PLACES", (directory,))
        monkeypatch.delenv("TMPDIR", raising=False)
        monkeypatch.delenv("LAUNCHYARD_TMPDIR", raising=False)
        yield Path(directory)


def test_in_a_job_it_listens_in_its_tmpdir_by_the_short_way(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 80)
    deep.mkdir()
    (place / "short").symlink_to(deep)
    monkeypatch.setenv("TMPDIR", str(deep))
    monkeypatch.setenv("LAUNCHYARD_TMPDIR", str(place / "short"))

    listener = Listener()

    assert listener.path.startswith(f"{place}/short/ly-srun-")
    assert len(list(deep.iterdir())) == 1
    listener.close()
    assert list(deep.iterdir()) == []


def test_what_killed_ones_left_is_removed_and_what_lives_stays(place: Path) -> None:
    living, killed = Listener(), Listener()
    # As a kill leaves it: the socket is there, and nobody listens.
    killed._socket.close()
    empty = place / "ly-srun-0badcafe"
    empty.mkdir()
    for directory in place.iterdir():
        os.utime(directory, (1, 1))
    fresh = place / "ly-srun-00000000"
    fresh.mkdir()

    Listener().close()

    assert {one.name for one in place.iterdir()} == {Path(living.path).parent.name, fresh.name}
    living.close()
