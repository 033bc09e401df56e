"""Files through a real helper process: listed, read, packed, saved, moved, uploaded in pieces."""

import io
import json
import os
import threading
import zipfile
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import pytest

from launchyard.engine.channel import UserHelpers, data_in, data_of
from launchyard.engine.files import DiskFull, Files, Who
from launchyard.launcher.messages import Message
from launchyard.model.errors import Conflict, Forbidden, LaunchyardError, NotFound
from tests.system.power import memory_disk
from tests.unit.helper_process import Helpers

NUMBER = "0123456789abcdef" * 2
ME = os.getuid()


@pytest.fixture
def started() -> Iterator[Helpers]:
    helpers = Helpers()
    yield helpers
    helpers.end()


def me(*roots: Path) -> Who:
    return Who(uid=ME, roots=[str(root) for root in roots])


async def all_of(pieces: AsyncGenerator[Message, None]) -> bytes:
    return b"".join([message["data"] async for message in pieces])


async def put(files: Files, who: Who, path: Path, data: bytes, **more: Any) -> Message:
    """One piece that is the whole file."""
    given: dict[str, Any] = {"offset": 0, "size": len(data), "conflict": "fail", **more}
    return await files.upload(who, str(path), NUMBER, data=data, **given)


def test_folder_is_listed_with_what_its_names_are(started: Helpers, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "data.csv").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("sub")
    (tmp_path / "broken").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / os.fsdecode(b"caf\xe9")).touch()
    (tmp_path / f".{NUMBER}.upload").touch()

    async def work(helpers: UserHelpers) -> None:
        pieces = [piece async for piece in Files(helpers).list(me(tmp_path), str(tmp_path))]
        rows = {row[0]: row for row in json.loads(b"[%b]" % b"".join(piece["data"] for piece in pieces))}
        assert list(rows) == sorted(rows)
        assert {name: row[1] for name, row in rows.items()} == {
            **{"sub": "d", "data.csv": "f", "link": "l", "broken": "l", "pipe": "o", "caf�": "f"}
        }
        assert rows["data.csv"][2] == 5
        assert (rows["link"][5], rows["broken"][5]) == ("d", None)
        assert rows["caf�"][6] is True
        assert pieces[0]["complete"]
        late = await Files(helpers).ask(me(tmp_path), "look_at", str(tmp_path), names=["link", "../x"])
        assert late["rows"] == [rows["link"]]

    started.with_helpers(work)


def test_content_comes_in_pieces_from_any_byte_on(started: Helpers, tmp_path: Path) -> None:
    content = os.urandom(3_000_001)
    (tmp_path / "big").write_bytes(content)
    (tmp_path / "empty").touch()

    async def work(helpers: UserHelpers) -> None:
        files, who = Files(helpers), me(tmp_path)
        assert await all_of(files.send(who, str(tmp_path / "big"))) == content
        assert await all_of(files.send(who, str(tmp_path / "big"), 2_999_999)) == content[-2:]
        assert await all_of(files.send(who, str(tmp_path / "empty"))) == b""
        with pytest.raises(Conflict, match="is a folder"):
            await all_of(files.send(who, str(tmp_path)))

    started.with_helpers(work)


def test_pipe_is_refused_and_never_waited_for(started: Helpers, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    async def work(helpers: UserHelpers) -> None:
        with pytest.raises(Conflict, match="not a regular file"):
            await Files(helpers).ask(me(tmp_path), "read", str(tmp_path / "pipe"), limit=10)

    started.with_helpers(work)


def test_reader_that_goes_away_ends_the_reading(started: Helpers, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(20_000_000))

    async def work(helpers: UserHelpers) -> None:
        files, who = Files(helpers), me(tmp_path)
        pieces = files.send(who, str(tmp_path / "big"))
        await anext(pieces)
        await pieces.aclose()
        assert (await files.ask(who, "about", str(tmp_path / "big")))["size"] == 20_000_000

    started.with_helpers(work)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "{root}/../outside",
        "{root}/up/outside",
        "{root}/absolute",
        "{root}-beside/file",
        "relative",
    ],
)
def test_nothing_outside_of_the_allowed_folders_is_opened(
    path: str, started: Helpers, tmp_path: Path
) -> None:
    """Threat 21: dots, links of both kinds, a neighbour whose name begins the same."""
    root, beside = tmp_path / "home", tmp_path / "home-beside"
    for folder in (root, beside):
        folder.mkdir()
        (folder / "file").write_text("secret")
    (tmp_path / "outside").write_text("secret")
    (root / "up").symlink_to("..")
    (root / "absolute").symlink_to(tmp_path / "outside")
    asked = path.format(root=root)

    async def work(helpers: UserHelpers) -> None:
        files, who = Files(helpers), me(root)
        orders: list[tuple[str, dict[str, Any]]] = [("read", {"limit": 10}), ("about", {})]
        if not asked.endswith("absolute"):
            # What is done to a name is done to the link itself, which is inside.
            orders += [
                ("save", {"data": data_in(b"x"), "version": None}),
                ("make_folder", {}),
                ("move", {"to": f"{root}/taken", "conflict": "replace"}),
                ("upload_state", {"number": NUMBER}),
            ]
        for do, more in orders:
            with pytest.raises(Forbidden, match="leads out of"):
                await files.ask(who, do, asked, **more)
        with pytest.raises(Forbidden, match="leads out of"):
            await all_of(files.send(who, asked))
        assert (tmp_path / "outside").read_text() == (beside / "file").read_text() == "secret"

    started.with_helpers(work)


def test_link_into_another_allowed_folder_is_followed(started: Helpers, tmp_path: Path) -> None:
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    home.mkdir()
    scratch.mkdir()
    (scratch / "data").write_text("here")
    (home / "scratch").symlink_to(scratch)

    async def work(helpers: UserHelpers) -> None:
        files = Files(helpers)
        found = await files.ask(me(home, scratch), "read", f"{home}/scratch/data", limit=10)
        assert data_of(found) == b"here"
        with pytest.raises(Forbidden):
            await files.ask(me(home), "read", f"{home}/scratch/data", limit=10)

    started.with_helpers(work)


def test_link_of_somebody_elses_into_an_allowed_folder_is_not_followed(
    started: Helpers, tmp_path: Path
) -> None:
    """Threat 22: each look may find another place behind it. A home may have two names all the same."""
    home, other, by_another_name = tmp_path / "home", tmp_path / "other", tmp_path / "homes"
    home.mkdir()
    other.mkdir()
    (home / "data").write_text("here")
    (other / "link").symlink_to(home)
    by_another_name.symlink_to(home)

    async def work(helpers: UserHelpers) -> None:
        files = Files(helpers)
        with pytest.raises(Forbidden, match="leads out of"):
            await files.ask(me(home), "read", f"{other}/link/data", limit=10)
        for root, path in ((by_another_name, home), (by_another_name, by_another_name)):
            found = await files.ask(me(root), "read", f"{path}/data", limit=10)
            assert data_of(found) == b"here"

    started.with_helpers(work)


def test_folder_is_packed_without_what_its_links_lead_to(started: Helpers, tmp_path: Path) -> None:
    """Threat 22: what is packed is read through open folders, and a link is never followed."""
    top = tmp_path / "top"
    (top / "sub").mkdir(parents=True)
    (top / "sub" / "a.txt").write_text("one")
    (top / "big").write_bytes(b"ab" * 1_000_000)
    (tmp_path / "secret").write_text("secret")
    (top / "link").symlink_to(tmp_path / "secret")
    (top / "folder").symlink_to("/etc")
    os.mkfifo(top / "pipe")

    async def work(helpers: UserHelpers) -> None:
        data = await all_of(Files(helpers).pack(me(tmp_path), [str(top), str(tmp_path / "secret")]))
        archive = zipfile.ZipFile(io.BytesIO(data))
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == ["secret", "top/big", "top/sub/a.txt"]
        assert archive.read("top/sub/a.txt") == b"one"

    started.with_helpers(work)


def test_folder_that_is_swapped_for_a_link_while_it_is_packed_leads_nowhere(
    started: Helpers, tmp_path: Path
) -> None:
    """Threats 21 and 22: a race between looking and opening has nothing to win."""
    home, secret = tmp_path / "home", tmp_path / "secret"
    for folder in (home / "top" / "sub", secret):
        folder.mkdir(parents=True)
        (folder / "file").write_text("secret" if folder == secret else "mine")
    (home / "link").symlink_to(secret)
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            (home / "top" / "sub").rename(home / "aside")
            (home / "link").rename(home / "top" / "sub")
            (home / "top" / "sub").rename(home / "link")
            (home / "aside").rename(home / "top" / "sub")

    async def work(helpers: UserHelpers) -> None:
        files, who = Files(helpers), me(home)
        seen: set[str] = set()
        for _ in range(150):
            data = await all_of(files.pack(who, [f"{home}/top"]))
            seen.update(zipfile.ZipFile(io.BytesIO(data)).read(name).decode() for name in names_in(data))
            try:
                seen.add(data_of(await files.ask(who, "read", f"{home}/top/sub/file", limit=10)).decode())
            except LaunchyardError:
                continue
        assert seen == {"mine"}

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        started.with_helpers(work)
    finally:
        over.set()
        swapping.join()


def names_in(archive: bytes) -> list[str]:
    return [name for name in zipfile.ZipFile(io.BytesIO(archive)).namelist() if name.endswith("/file")]


def test_edited_text_is_saved_unless_it_was_changed_meanwhile(started: Helpers, tmp_path: Path) -> None:
    path = tmp_path / "script.sh"
    path.write_text("old")
    path.chmod(0o750)

    async def work(helpers: UserHelpers) -> None:
        files, who = Files(helpers), me(tmp_path)

        async def save(text: bytes, version: str | None) -> Any:
            found = await files.ask(who, "save", str(path), data=data_in(text), version=version)
            return found["version"]

        version = (await files.ask(who, "read", str(path), limit=10))["version"]
        await save(b"new", version)
        assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o750)
        with pytest.raises(Conflict, match="was changed since") as refused:
            await save(b"other", version)
        assert refused.value.code == "changed"
        with pytest.raises(Conflict, match="already"):
            await save(b"other", None)
        assert [one.name for one in tmp_path.iterdir()] == ["script.sh"]

    started.with_helpers(work)


def test_hard_linked_file_keeps_its_other_name_when_it_is_saved(started: Helpers, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("a long old text")
    os.link(tmp_path / "one", tmp_path / "two")

    async def work(helpers: UserHelpers) -> None:
        files, who = Files(helpers), me(tmp_path)
        version = (await files.ask(who, "read", str(tmp_path / "one"), limit=10))["version"]
        await files.ask(who, "save", str(tmp_path / "one"), data=data_in(b"new"), version=version)
        assert (tmp_path / "two").read_text() == "new"

    started.with_helpers(work)


@pytest.mark.parametrize(
    ("conflict", "name", "left"),
    [
        ("keep", "b (1).txt", {"b.txt": "old", "b (1).txt": "new"}),
        ("replace", "b.txt", {"b.txt": "new"}),
        ("skip", "", {"a.txt": "new", "b.txt": "old"}),
    ],
)
def test_taken_name_is_settled_as_was_asked(
    conflict: str, name: str, left: dict[str, str], started: Helpers, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("new")
    (tmp_path / "b.txt").write_text("old")

    async def work(helpers: UserHelpers) -> None:
        files, who = Files(helpers), me(tmp_path)
        path, to = str(tmp_path / "a.txt"), str(tmp_path / "b.txt")
        with pytest.raises(Conflict, match="already"):
            await files.ask(who, "move", path, to=to, conflict="fail")
        assert (await files.ask(who, "move", path, to=to, conflict=conflict))["name"] == name
        assert {path.name: path.read_text() for path in tmp_path.iterdir()} == left

    started.with_helpers(work)


def test_removal_follows_no_link_and_spares_what_everything_lies_in(started: Helpers, tmp_path: Path) -> None:
    home, kept = tmp_path / "home", tmp_path / "kept"
    (home / "sub").mkdir(parents=True)
    kept.mkdir()
    (kept / "file").touch()
    (home / "sub" / "link").symlink_to(kept)
    (home / "link").symlink_to(kept)

    async def work(helpers: UserHelpers) -> None:
        paths = [f"{home}/sub", f"{home}/link", f"{home}/nothing", str(home), str(kept / "file")]
        found = await Files(helpers).ask(me(home), "remove", paths[0], paths=paths)
        assert found["removed"] == paths[:2]
        assert [one["path"] for one in found["failed"]] == paths[2:]
        assert (kept / "file").exists()
        assert home.exists()

    started.with_helpers(work)


def test_upload_that_was_cut_goes_on_where_it_stopped(started: Helpers, tmp_path: Path) -> None:
    content, path = os.urandom(1_000_000), tmp_path / "data.bin"

    async def work(helpers: UserHelpers) -> None:
        files, who = Files(helpers), me(tmp_path)
        found = await put(files, who, path, content[:400_000], size=len(content))
        assert (found["received"], found["complete"]) == (400_000, False)
        assert not path.exists()
        (await helpers.of(ME)).close()
        state = await files.ask(who, "upload_state", str(path), number=NUMBER)
        assert (state["received"], state["there"]) == (400_000, None)
        with pytest.raises(Conflict, match="goes on from there"):
            await put(files, who, path, content[:10], size=len(content))
        found = await put(files, who, path, content[400_000:], offset=400_000, size=len(content))
        assert found["complete"]
        assert path.read_bytes() == content

    started.with_helpers(work)


@pytest.mark.parametrize("size", [0, 10])
def test_upload_whose_name_is_taken_asks_and_loses_nothing(
    size: int, started: Helpers, tmp_path: Path
) -> None:
    path = tmp_path / "data.bin"
    path.write_text("old")
    content = b"x" * size

    async def work(helpers: UserHelpers) -> None:
        files, who = Files(helpers), me(tmp_path)
        with pytest.raises(Conflict, match="already"):
            await put(files, who, path, content)
        found = await put(files, who, path, b"", offset=size, size=size, conflict="keep")
        assert found["name"] == "data (1).bin"
        assert (path.read_text(), (tmp_path / "data (1).bin").read_bytes()) == ("old", content)
        assert len(list(tmp_path.iterdir())) == 2
        await put(files, who, path, content, conflict="skip")
        assert len(list(tmp_path.iterdir())) == 2

    started.with_helpers(work)


def test_upload_that_is_forgotten_leaves_nothing(started: Helpers, tmp_path: Path) -> None:
    async def work(helpers: UserHelpers) -> None:
        files, who = Files(helpers), me(tmp_path)
        await put(files, who, tmp_path / "a", b"xx", size=10)
        await files.ask(who, "upload_drop", str(tmp_path / "a"), number=NUMBER)
        assert list(tmp_path.iterdir()) == []

    started.with_helpers(work)


@pytest.mark.root
def test_full_disk_is_a_sentence_and_deleting_still_works(started: Helpers, tmp_path: Path) -> None:
    async def work(helpers: UserHelpers) -> None:
        files, who = Files(helpers), me(home)
        with pytest.raises(DiskFull, match="full"):
            await put(files, who, home / "big", b"x", size=10 << 20)
        (home / "text").write_text("old")
        fill(home / "filler")
        version = (await files.ask(who, "read", str(home / "text"), limit=10))["version"]
        with pytest.raises(DiskFull, match="delete something"):
            await files.ask(who, "save", str(home / "text"), data=data_in(b"x" * 100_000), version=version)
        assert (home / "text").read_text() == "old"
        with pytest.raises(DiskFull):
            await files.ask(who, "save", str(home / "new"), data=data_in(b"x" * 100_000), version=None)
        found = await files.ask(who, "remove", str(home), paths=[str(home / "filler")])
        assert found["removed"]
        assert [one.name for one in home.iterdir()] == ["text"]

    with memory_disk(tmp_path / "small", 1) as home:
        started.with_helpers(work)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def test_what_is_not_there_and_what_is_not_mine_are_sentences(started: Helpers, tmp_path: Path) -> None:
    async def work(helpers: UserHelpers) -> None:
        files, who = Files(helpers), me(tmp_path)
        with pytest.raises(NotFound, match="there is no"):
            await files.ask(who, "read", str(tmp_path / "nothing"), limit=1)
        with pytest.raises(NotFound, match="there is no"):
            await anext(files.list(who, str(tmp_path / "nothing")))

    started.with_helpers(work)
