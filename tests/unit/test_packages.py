"""The store of uploaded packages: what is kept, for whom, for how long, and what a crash leaves."""

import hashlib
from pathlib import Path

import pytest

from launchyard.model.errors import Conflict, Infeasible, Invalid, LaunchyardError
from launchyard.store.packages import KEEP_S, PIN_S, Packages, TooLargePackage

ADA, LI = 1001, 1002
DATA = b"some archive" * 100
NAME = f"{hashlib.sha256(DATA).hexdigest()}.zip"


class Clock:
    """Time as a test wants it."""

    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


def uploaded(packages: Packages, uid: int, name: str, data: bytes = DATA) -> str:
    upload = packages.upload(uid, name)
    upload.write(data)
    return upload.finish().digest


def content(packages: Packages, uid: int, name: str) -> bytes | None:
    found = packages.open(uid, name)
    if found is None:
        return None
    with open(found[1], "rb") as file:
        return file.read()


def test_a_package_is_there_after_a_restart(tmp_path: Path) -> None:
    uploaded(Packages(tmp_path), ADA, "gcs.zip")
    assert content(Packages(tmp_path), ADA, "gcs.zip") == DATA


def test_each_user_has_a_store_alone(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    uploaded(packages, ADA, "a.zip", b"of ada")
    assert content(packages, LI, "a.zip") is None
    uploaded(packages, LI, "a.zip", b"of li")
    assert content(packages, ADA, "a.zip") == b"of ada"


def test_a_name_may_get_another_content(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    uploaded(packages, ADA, "a-1.0-py3-none-any.whl", b"old")
    uploaded(packages, ADA, "a-1.0-py3-none-any.whl", b"new")
    assert content(packages, ADA, "a-1.0-py3-none-any.whl") == b"new"


def test_equal_contents_are_kept_once(tmp_path: Path) -> None:
    packages = Packages(tmp_path, quota=len(DATA))
    assert uploaded(packages, ADA, "a.zip") == uploaded(packages, ADA, "b.zip")
    assert len(list((tmp_path / str(ADA) / "content").iterdir())) == 1


@pytest.mark.parametrize(
    "name", ["../a.zip", "a/b.zip", "/a.zip", ".a.zip", "a.zip\n", "a", "x.zip/../../y.zip"]
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    packages = Packages(tmp_path)
    with pytest.raises(Invalid, match="is no name of a package"):
        packages.upload(ADA, name)
    assert packages.find(ADA, name) is None


def test_an_upload_over_the_limit_leaves_nothing(tmp_path: Path) -> None:
    packages = Packages(tmp_path, size_max=10)
    upload = packages.upload(ADA, "a.zip")
    upload.write(b"12345")
    with pytest.raises(TooLargePackage, match="Maximum request body size 10 exceeded"):
        upload.write(b"678901")
    upload.stop()
    assert list((tmp_path / str(ADA) / "parts").iterdir()) == []


def test_what_did_not_come_to_its_end_counts_for_the_quota(tmp_path: Path) -> None:
    packages = Packages(tmp_path, quota=3 << 20)
    for number in range(2):
        upload = packages.resume(ADA, f"{number:064x}.zip", 0, 1 << 21)
        upload.write(bytes(1 << 20))
        upload.stop()
        packages = Packages(tmp_path, quota=(3 + number) << 20)
    with pytest.raises(Infeasible, match="more than the 4"):
        packages.resume(ADA, f"{3:064x}.zip", 0, 3 << 20)
    assert packages.received(ADA, f"{3:064x}.zip") == 0


def test_over_the_quota_nothing_more_is_kept(tmp_path: Path) -> None:
    packages = Packages(tmp_path, quota=2 << 20)
    uploaded(packages, ADA, "a.zip", b"a" * (1 << 20))
    with pytest.raises(Infeasible, match="more than the 2"):
        uploaded(packages, ADA, "b.zip", b"b" * (2 << 20))
    uploaded(packages, LI, "b.zip", b"b" * (2 << 20))
    assert content(packages, ADA, "b.zip") is None


def test_an_upload_goes_on_after_a_break(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    first = packages.resume(ADA, NAME, 0, len(DATA))
    first.write(DATA[:500])
    first.stop()
    assert packages.received(ADA, NAME) == 500
    with pytest.raises(Conflict, match="from byte 500"):
        packages.resume(ADA, NAME, 400, len(DATA))
    second = Packages(tmp_path).resume(ADA, NAME, 500, len(DATA))
    second.write(DATA[500:])
    second.finish()
    assert content(packages, ADA, NAME) == DATA


def test_content_that_is_not_its_digest_is_refused_and_forgotten(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    upload = packages.resume(ADA, NAME, 0, None)
    upload.write(b"else")
    with pytest.raises(Invalid, match="other content"):
        upload.finish()
    assert packages.received(ADA, NAME) == 0
    assert packages.find(ADA, NAME) is None


def test_two_cannot_send_the_same_part_at_once(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    first = packages.resume(ADA, NAME, 0, None)
    with pytest.raises(LaunchyardError, match="another request"):
        packages.resume(ADA, NAME, 0, None)
    first.stop()
    packages.resume(ADA, NAME, 0, None).stop()


def test_what_no_job_needs_goes_after_a_while(tmp_path: Path) -> None:
    clock = Clock()
    packages = Packages(tmp_path, clock=clock)
    for name in ("needed.zip", "asked.zip", "old.zip"):
        uploaded(packages, ADA, name, name.encode())
    clock.now += KEEP_S - 1
    packages.find(ADA, "asked.zip")
    clock.now += 2
    assert packages.collect({ADA: {"needed.zip"}}) == 1
    assert content(packages, ADA, "needed.zip") is not None
    assert content(packages, ADA, "asked.zip") is not None
    assert content(packages, ADA, "old.zip") is None


def test_over_what_all_may_take_those_go_that_were_not_used_longest(tmp_path: Path) -> None:
    clock = Clock()
    packages = Packages(tmp_path, clock=clock, total_max=25)
    for uid, name in ((ADA, "needed.zip"), (LI, "oldest.zip"), (ADA, "older.zip"), (LI, "newer.zip")):
        uploaded(packages, uid, name, name.encode()[:10].ljust(10))
        clock.now += PIN_S + 1
    uploaded(packages, ADA, "fresh.zip", b"0123456789")
    assert packages.collect({ADA: {"needed.zip"}}) == 3
    assert content(packages, ADA, "needed.zip") is not None
    assert content(packages, ADA, "fresh.zip") is not None
    assert packages.collect({ADA: {"needed.zip"}}) == 0
    assert packages.collect({}) == 0


def test_a_content_stays_while_any_name_stands_for_it(tmp_path: Path) -> None:
    clock = Clock()
    packages = Packages(tmp_path, clock=clock)
    uploaded(packages, ADA, "a.zip")
    clock.now += KEEP_S + 1
    uploaded(packages, ADA, "b.zip")
    packages.collect({})
    assert content(packages, ADA, "a.zip") is None
    assert content(packages, ADA, "b.zip") == DATA
