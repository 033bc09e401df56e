"""How srun writes what tasks say: labels, whole lines, files of their own."""

import os
from pathlib import Path

import pytest

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.steps.outputs import Gone, Look, Outputs, Stream
from launchyard.slurm.stepfiles import Place, way_of

LABELLED = Look(label=True, whole_lines=True, width=2)
WHOLE = Look(label=False, whole_lines=True, width=1)


def written(look: Look, *parts: bytes) -> bytes:
    """What comes out of a stream of task 7."""
    reading, writing = os.pipe()
    stream = Stream(writing, 7, look)
    for part in parts:
        stream.write(part)
    os.close(writing)
    with open(reading, "rb") as pipe:
        return pipe.read()


def test_each_line_has_its_label() -> None:
    assert written(LABELLED, b"one\ntwo\n") == b" 7: one\n 7: two\n"


def test_a_line_in_parts_has_one_label() -> None:
    assert written(LABELLED, b"o", b"ne\nt", b"wo\n") == b" 7: one\n 7: two\n"


def test_a_last_line_without_an_end_gets_one_with_its_label() -> None:
    assert written(LABELLED, b"one", b"") == b" 7: one\n"


def test_a_last_line_without_a_label_stays_as_it_is() -> None:
    assert written(WHOLE, b"a\nb", b"") == b"a\nb"


def test_half_a_line_waits_for_the_rest() -> None:
    assert written(WHOLE, b"half") == b""


def test_a_very_long_line_is_not_kept_back() -> None:
    assert len(written(WHOLE, b"x" * 65_536)) == 65_536


def test_a_reader_that_went_is_noticed() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(Gone):
        Stream(writing, 0, Look(False, False, 1)).write(b"a")
    os.close(writing)


def outputs(out: str, err: str, *, append: bool = False, tasks: int = 2) -> Outputs:
    made = Outputs(Look(False, False, 1), way_of(out), way_of(err), append)
    for rank in range(tasks):
        made.open(Place({}, rank, "n1", 0))
    return made


def test_each_task_writes_into_a_file_of_its_own(tmp_path: Path) -> None:
    made = outputs(f"{tmp_path}/out.%t", "none")

    made.write(0, b"zero", errors=False)
    made.write(1, b"one", errors=False)
    made.write(1, b"lost", errors=True)

    assert [(tmp_path / f"out.{rank}").read_bytes() for rank in (0, 1)] == [b"zero", b"one"]


def test_output_and_errors_may_share_a_file(tmp_path: Path) -> None:
    made = outputs(f"{tmp_path}/both", f"{tmp_path}/both")

    made.write(0, b"out ", errors=False)
    made.write(1, b"err", errors=True)

    assert (tmp_path / "both").read_bytes() == b"out err"


def test_only_the_task_that_is_named_is_heard(tmp_path: Path) -> None:
    made = outputs("none", "1")
    made.write(0, b"silence", errors=False)


@pytest.mark.parametrize(("append", "expected"), [(True, b"old new"), (False, b"new")])
def test_a_file_is_truncated_unless_it_is_to_be_appended(
    tmp_path: Path, append: bool, expected: bytes
) -> None:
    (tmp_path / "out").write_bytes(b"old ")
    outputs(f"{tmp_path}/out", "none", append=append).write(0, b"new", errors=False)
    assert (tmp_path / "out").read_bytes() == expected


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="Could not open"):
        outputs(f"{tmp_path}/no/out", "none")
