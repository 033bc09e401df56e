"""Unpacking: what comes out, and what is refused before anything of it is written (threats 19, 20)."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from launchyard.helper.archives import BadArchive, Bounds, unpack
from tests.system.archives import tarred, zipped_files


def unpacked(archive: bytes, target: Path, name: str = "a.zip", **options: object) -> dict[str, str]:
    """What is there after it, by relative path."""
    source = target.with_suffix(".archive")
    source.write_bytes(archive)
    target.mkdir()
    strip, bounds = bool(options.get("strip")), options.get("bounds")
    with source.open("rb") as file:
        unpack(file, name, str(target), strip=strip, bounds=bounds if isinstance(bounds, Bounds) else None)
    return {str(one.relative_to(target)): one.read_text() for one in target.rglob("*") if one.is_file()}


def special(kind: bytes, name: str = "m", link: str = "/etc/passwd") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


def test_files_keep_their_names_and_whether_they_are_programs(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        program = zipfile.ZipInfo("bin/run")
        program.external_attr = (stat.S_IFREG | 0o4777) << 16
        archive.writestr(program, "#!/bin/sh")
        archive.writestr("empty/", "")
    assert unpacked(buffer.getvalue(), tmp_path / "t") == {"bin/run": "#!/bin/sh"}
    assert stat.S_IMODE((tmp_path / "t/bin/run").stat().st_mode) & 0o7722 == 0o0700
    assert (tmp_path / "t/empty").is_dir()


def test_a_tar_is_unpacked_as_a_zip_is(tmp_path: Path) -> None:
    archive = tarred(tarfile.TarInfo("a/b.txt"), content=b"text")
    assert unpacked(archive, tmp_path / "t", "a.tar.gz") == {"a/b.txt": "text"}


def test_a_single_top_directory_is_left_out_where_that_is_asked(tmp_path: Path) -> None:
    archive = zipped_files({"top/a": "1", "top/b/c": "2", "__MACOSX/junk": "3"})
    assert unpacked(archive, tmp_path / "s", strip=True) == {"a": "1", "b/c": "2"}
    assert unpacked(archive, tmp_path / "k") == {"top/a": "1", "top/b/c": "2"}


def test_several_top_directories_stay(tmp_path: Path) -> None:
    assert unpacked(zipped_files({"a/x": "1", "b/x": "2"}), tmp_path / "t", strip=True).keys() == {
        "a/x",
        "b/x",
    }


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "C:/x", "a\\..\\x", "a/" * 70 + "x"])
def test_a_name_that_could_lead_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    """Threat 19: with nothing written, not even what stands before it."""
    with pytest.raises(BadArchive, match="its member"):
        unpacked(zipped_files({"fine": "1", name: "2"}), tmp_path / "t")
    assert list((tmp_path / "t").iterdir()) == []


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(BadArchive, match="link or a device"):
        unpacked(tarred(tarfile.TarInfo("a"), special(kind)), tmp_path / "t", "a.tar.gz")
    assert list((tmp_path / "t").iterdir()) == []


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc")
    with pytest.raises(BadArchive, match="link or a device"):
        unpacked(buffer.getvalue(), tmp_path / "t")


def test_a_member_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", "2")
    with pytest.raises(BadArchive, match="twice"):
        unpacked(buffer.getvalue(), tmp_path / "t")


def test_more_members_or_bytes_than_allowed_are_refused(tmp_path: Path) -> None:
    archive = zipped_files({f"f{n}": "x" * 100 for n in range(20)})
    with pytest.raises(BadArchive, match="more than 10 members"):
        unpacked(archive, tmp_path / "m", bounds=Bounds(members=10))
    with pytest.raises(BadArchive, match="unpacked"):
        unpacked(archive, tmp_path / "b", bounds=Bounds(bytes=1_000))


def test_an_archive_that_says_less_than_it_holds_is_stopped(tmp_path: Path) -> None:
    archive = bytearray(zipped_files({"bomb": "x" * 100_000}))
    at = archive.rindex(b"PK\x01\x02")
    archive[at + 24 : at + 28] = (10).to_bytes(4, "little")
    with pytest.raises(BadArchive):
        unpacked(bytes(archive), tmp_path / "t", bounds=Bounds(bytes=1_000))
    assert sum(one.stat().st_size for one in (tmp_path / "t").rglob("*") if one.is_file()) <= 1_000


def test_a_bomb_is_stopped_by_its_ratio(tmp_path: Path) -> None:
    """Threat 20: by what comes out of so few bytes, whatever the archive says of itself."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("zeros")
        member.size = 70 << 20
        archive.addfile(member, io.BytesIO(bytes(member.size)))
    with pytest.raises(BadArchive, match="no honest archive"):
        unpacked(buffer.getvalue(), tmp_path / "t", "a.tar.gz")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar.xz"])
def test_what_is_no_archive_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadArchive, match=r"the archive a\."):
        unpacked(b"this is no archive at all", tmp_path / "t", name)


def test_a_truncated_archive_is_refused_in_a_sentence(tmp_path: Path) -> None:
    whole = tarred(tarfile.TarInfo("a"), content=b"x" * 100_000)
    with pytest.raises(BadArchive, match=r"the archive a\."):
        unpacked(whole[: len(whole) // 2], tmp_path / "t", "a.tar.gz")
