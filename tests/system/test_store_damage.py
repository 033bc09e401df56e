"""A damaged database is refused with its name and what to do; it never answers with wrong rows (F7)."""

import random
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from launchyard.model.change import Change, Idempotency
from launchyard.model.job import Job, JobKind
from launchyard.model.state import JobState
from launchyard.model.token import Token
from launchyard.store.open import open_store
from launchyard.store.protocol import JobQuery, Store, StoreDamaged
from tests.often import often

PAGE = 4096
JOBS = 60
STATES = list(JobState)


def job(job_id: int) -> Job:
    return Job(
        id=job_id,
        name=f"job {job_id}",
        kind=JobKind.COMMAND,
        user="ada",
        uid=1000,
        partition="all",
        state=STATES[job_id % len(STATES)],
        submitted_at=float(job_id),
        submission_id=f"s{job_id}",
        command=("echo", "x" * (job_id % 7 * 300)),
    )


def change(number: int) -> Change:
    return Change(
        seq=number,
        jobs=(job(number),),
        texts={f"d{number}": b"text" * number},
        idempotency=(Idempotency(user="ada", key=f"k{number}", job_ids=(1,), body_digest="b", at=1.0),),
        tokens=(Token(id=f"t{number}", user="ada", uid=1, name="n", digest="d", created_at=1.0),),
    )


def answers(store: Store) -> list[Any]:
    """Everything that was put in, as the store tells it."""
    return [
        store.last_seq(),
        store.next_job_id(),
        store.live_jobs(),
        store.jobs(JobQuery(limit=JOBS)),
        [store.job_of_submission("ada", f"s{number}") for number in range(1, JOBS + 1)],
        store.texts(f"d{number}" for number in range(1, JOBS + 1)),
        [store.idempotency("ada", f"k{number}") for number in range(1, JOBS + 1)],
        store.tokens(),
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], list[Any]]:
    """The files as a killed daemon leaves them: two thirds in the database, one third still in the log."""
    place = tmp_path_factory.mktemp("whole")
    with closing(open_store(place / "launchyard.db")) as store:
        for number in range(1, JOBS * 2 // 3):
            store.commit([change(number)])
    with closing(open_store(place / "launchyard.db")) as store:
        for number in range(JOBS * 2 // 3, JOBS + 1):
            store.commit([change(number)])
        right = answers(store)
        # By another process: closing a descriptor of the database here would drop the store's locks.
        killed = tmp_path_factory.mktemp("killed")
        names = ("launchyard.db", "launchyard.db-wal", "launchyard.seq")
        subprocess.run(["cp", *(place / name for name in names), killed], check=True)
    return {name: (killed / name).read_bytes() for name in names}, right


Whole = tuple[dict[str, bytes], list[Any]]


def place_files(files: dict[str, bytes], directory: Path) -> Path:
    for name, body in files.items():
        (directory / name).write_bytes(body)
    return directory / "launchyard.db"


def verdict(path: Path, right: list[Any]) -> str:
    """`refused` (at open or at a question) or `right`; a third answer is a wrong one."""
    try:
        with closing(open_store(path)) as store:
            return "right" if answers(store) == right else "wrong"
    except StoreDamaged as damaged:
        way_out = f"mkdir {path.parent}/damaged && mv {path.parent}/launchyard.* {path.parent}/damaged/"
        told = str(path) in str(damaged) and way_out in str(damaged)
        return "refused" if told else f"refused without saying what to do: {damaged}"


def zeroed(body: bytes, start: int, end: int) -> bytes:
    return body[:start] + bytes(end - start) + body[end:]


DB, WAL, SEQ = "launchyard.db", "launchyard.db-wal", "launchyard.seq"
Damage = Callable[[dict[str, bytes]], dict[str, bytes]]
DAMAGE: dict[str, Damage] = {
    "half the database is cut off": lambda files: files | {DB: files[DB][: len(files[DB]) // 2]},
    "the last third is cut off": lambda files: files | {DB: files[DB][: len(files[DB]) * 2 // 3]},
    "only the header is left": lambda files: files | {DB: files[DB][:100]},
    "the database is empty": lambda files: files | {DB: b""},
    "the database is gone": lambda files: {name: body for name, body in files.items() if name != DB},
    "it is another file": lambda files: files | {DB: b"#!/bin/sh\n" * 1000},
    "the header is overwritten": lambda files: files | {DB: b"\xff" * 100 + files[DB][100:]},
    "the tail is full of zeros": lambda files: (
        files | {DB: zeroed(files[DB], len(files[DB]) - 4 * PAGE, len(files[DB]))}
    ),
    "all but the first page is zeros": lambda files: files | {DB: zeroed(files[DB], PAGE, len(files[DB]))},
    "the log is gone": lambda files: {name: body for name, body in files.items() if name != WAL},
    "the log is empty": lambda files: files | {WAL: b""},
    "the log is cut in half": lambda files: files | {WAL: files[WAL][: len(files[WAL]) // 2]},
    "the last page of the log is torn": lambda files: (
        files | {WAL: zeroed(files[WAL], len(files[WAL]) - 100, len(files[WAL]))}
    ),
    "the head of the log is garbage": lambda files: files | {WAL: b"\xa5" * 32 + files[WAL][32:]},
    "the middle of the log is garbage": lambda files: (
        files | {WAL: files[WAL][: 40 * PAGE] + random.Random(1).randbytes(PAGE) + files[WAL][41 * PAGE :]}
    ),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_refused_with_the_file_and_the_way_out(
    damage: Damage, whole: Whole, tmp_path: Path
) -> None:
    files, right = whole
    path = place_files(damage(files), tmp_path)
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}

    assert verdict(path, right) == "refused"
    after = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    kept = before.keys() & after.keys() - {"launchyard.db-shm"}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert verdict(path, right) == "refused"  # and not only the first time


def test_what_a_killed_daemon_leaves_is_whole(whole: Whole, tmp_path: Path) -> None:
    files, right = whole

    assert verdict(place_files(files, tmp_path), right) == "right"


def test_a_database_without_its_guard_is_taken_as_it_is(whole: Whole, tmp_path: Path) -> None:
    files, right = whole

    assert verdict(place_files({DB: files[DB], WAL: files[WAL]}, tmp_path), right) == "right"


@pytest.mark.parametrize("guard", [b"", b"\xff" * 60, b"launchyard nonsense\n"])
def test_a_garbled_guard_stops_nothing(guard: bytes, whole: Whole, tmp_path: Path) -> None:
    files, right = whole

    assert verdict(place_files(files | {SEQ: guard}, tmp_path), right) == "right"


def test_the_guard_of_another_database_stops_nothing(whole: Whole, tmp_path: Path) -> None:
    files, right = whole
    foreign = b"launchyard " + b"0" * 32 + b" 99999999999999999999\n"

    assert verdict(place_files(files | {SEQ: foreign}, tmp_path), right) == "right"


def test_the_way_out_gives_an_empty_queue(whole: Whole, tmp_path: Path) -> None:
    files, _ = whole
    path = place_files(files | {DB: b""}, tmp_path)
    with pytest.raises(StoreDamaged) as damaged:
        open_store(path)
    command = str(damaged.value).rpartition("all jobs: ")[2]

    subprocess.run(["sh", "-c", command], check=True)
    with closing(open_store(path)) as store:
        assert store.live_jobs() == []
    assert (tmp_path / "damaged" / SEQ).exists()


def test_a_garbage_or_torn_page_never_gives_wrong_rows(whole: Whole, tmp_path: Path) -> None:
    files, right = whole
    chance = random.Random(7)
    seen: dict[str, int] = {}
    for page in range(0, len(files[DB]) // PAGE, often(4, thorough=1)):
        for keep in (0, 512, PAGE // 2):
            start, end = page * PAGE + keep, (page + 1) * PAGE
            torn = files[DB][:start] + chance.randbytes(end - start) + files[DB][end:]
            for leftover in tmp_path.iterdir():
                leftover.unlink()
            found = verdict(place_files(files | {DB: torn}, tmp_path), right)
            seen[found] = seen.get(found, 0) + 1

    assert "wrong" not in seen
    assert seen["refused"] > seen.get("right", 0)


@pytest.mark.slow
def test_a_flipped_bit_never_gives_wrong_rows(whole: Whole, tmp_path: Path) -> None:
    files, right = whole
    chance = random.Random(11)
    seen: dict[str, int] = {}
    for _ in range(150):
        name = chance.choice([DB, DB, DB, WAL])
        body = bytearray(files[name])
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
        for leftover in tmp_path.iterdir():
            leftover.unlink()
        found = verdict(place_files(files | {name: bytes(body)}, tmp_path), right)
        seen[found] = seen.get(found, 0) + 1

    assert "wrong" not in seen
    assert seen["refused"] > 0
