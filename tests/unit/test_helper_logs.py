"""Following a file: orders that come faster than the file opens are not lost."""

import contextlib
import queue
import resource
from collections.abc import Sequence
from pathlib import Path

from launchyard.helper.logs import WINDOW_BYTES, WINDOW_LEAST_BYTES, WINDOWS_BYTES, Follows
from launchyard.launcher.messages import Message
from tests.system.product import wait_for

MANY = tuple(str(number) for number in range(100))


def open_below(folder: Path) -> int:
    """Files of this folder that are open; those of other tests may be on their way to be closed."""
    count = 0
    for fd in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            count += str(fd.readlink()).startswith(f"{folder}/")
    return count


class Heard:
    """What a follower was sent."""

    def __init__(self) -> None:
        self.messages: queue.Queue[Message] = queue.Queue()
        self.follows = Follows(self._part, self.messages.put)

    def _part(self, ids: Sequence[str], data: bytes, offset: int, size: int) -> None:
        self.messages.put({"t": "part", "ids": list(ids), "data": data})

    def next(self) -> Message:
        return self.messages.get(timeout=60)

    def follow(self, path: Path, *ids: str, offset: int = 0, many: bool = True) -> None:
        for id in ids:
            order: Message = {"id": id, "path": str(path), "offset": offset, "many": many}
            self.follows.begin(order)
            self.follows.open(order)

    def bytes_of(self, *ids: str) -> tuple[dict[str, bytes], int]:
        """What each of them got until it was done, and in how many parts in all."""
        found, parts, left = dict.fromkeys(ids, b""), 0, set(ids)
        while left:
            message = self.next()
            if message["t"] == "done":
                left.remove(message["id"])
                continue
            parts += 1
            for id in message["ids"]:
                found[id] += message["data"]
                self.follows.more({"id": id, "bytes": len(message["data"])})
        return found, parts

    def finish(self, *ids: str) -> None:
        for id in ids:
            self.follows.finish({"id": id})


def test_an_end_told_before_the_file_was_opened_is_not_forgotten(tmp_path: Path) -> None:
    heard, path = Heard(), tmp_path / "log"
    path.write_bytes(b"hi\n")
    order: Message = {"id": "1", "path": str(path), "offset": 0}
    heard.follows.begin(order)
    heard.follows.finish({"id": "1"})
    heard.follows.open(order)
    assert heard.next()["data"] == b"hi\n"
    assert heard.next()["t"] == "done"
    assert heard.follows.open_count == 0


def test_a_follower_that_left_before_the_file_was_opened_leaves_nothing_open(tmp_path: Path) -> None:
    heard, path = Heard(), tmp_path / "log"
    path.write_bytes(b"hi\n")
    order: Message = {"id": "1", "path": str(path), "offset": 0}
    heard.follows.begin(order)
    heard.follows.cancel({"id": "1"})
    heard.follows.open(order)
    assert heard.follows.open_count == 0
    assert open_below(tmp_path) == 0


def test_what_is_written_later_comes_later(tmp_path: Path) -> None:
    heard, path = Heard(), tmp_path / "log"
    order: Message = {"id": "1", "path": str(path), "offset": 0}
    heard.follows.begin(order)
    heard.follows.open(order)
    path.write_bytes(b"one")
    assert heard.next()["data"] == b"one"
    with path.open("ab") as file:
        file.write(b"two")
    assert heard.next()["data"] == b"two"
    heard.follows.finish({"id": "1"})
    assert heard.next()["t"] == "done"
    heard.follows.stop()


def test_those_who_follow_one_file_share_its_descriptor_and_its_parts(tmp_path: Path) -> None:
    heard, path = Heard(), tmp_path / "log"
    path.write_bytes(b"")
    heard.follow(path, *MANY)
    wait_for(lambda: open_below(tmp_path) == 1, 60, "all to have one descriptor")
    path.write_bytes(b"one\n")
    first = heard.next()
    assert (first["data"], sorted(first["ids"])) == (b"one\n", sorted(MANY))
    heard.finish(*MANY)
    assert heard.bytes_of(*MANY)[0] == dict.fromkeys(MANY, b"")
    wait_for(lambda: open_below(tmp_path) == 0, 60, "the descriptor to be given back")


def test_those_who_come_later_catch_up_and_then_share(tmp_path: Path) -> None:
    heard, path = Heard(), tmp_path / "log"
    path.write_bytes(b"early ")
    heard.follow(path, "1")
    assert heard.next()["ids"] == ["1"]
    heard.follow(path, "2")
    heard.follow(path, "3", offset=-2)
    caught_up = [heard.next(), heard.next()]
    assert {tuple(message["ids"]): message["data"] for message in caught_up} == {
        ("2",): b"early ",
        ("3",): b"y ",
    }
    with path.open("ab") as file:
        file.write(b"late")
    together = heard.next()
    assert (together["data"], sorted(together["ids"])) == (b"late", ["1", "2", "3"])
    heard.follows.stop()


def test_who_takes_nothing_holds_up_nobody(tmp_path: Path) -> None:
    heard, path = Heard(), tmp_path / "log"
    written = bytes(range(256)) * (8 * WINDOW_BYTES // 256)
    path.write_bytes(written)
    heard.follow(path, "slow", "quick")
    heard.finish("slow", "quick")
    got = {"slow": b"", "quick": b""}
    while (message := heard.next())["t"] == "part":
        for id in message["ids"]:
            got[id] += message["data"]
        if "quick" in message["ids"]:
            heard.follows.more({"id": "quick", "bytes": len(message["data"])})
    assert message["id"] == "quick"
    assert got["quick"] == written
    assert 0 < len(got["slow"]) <= WINDOW_BYTES
    heard.follows.more({"id": "slow", "bytes": len(got["slow"])})
    assert got["slow"] + heard.bytes_of("slow")[0]["slow"] == written


def test_all_go_on_together_in_the_file_that_took_the_name(tmp_path: Path) -> None:
    heard, path = Heard(), tmp_path / "log"
    path.write_bytes(b"old ")
    heard.follow(path, *MANY)
    with path.open("ab") as file:
        path.rename(tmp_path / "log.1")
        path.write_bytes(b"new")
        file.write(b"last ")
    heard.finish(*MANY)
    assert heard.bytes_of(*MANY)[0] == dict.fromkeys(MANY, b"old last new")
    wait_for(lambda: open_below(tmp_path) == 0, 60, "the descriptors to be given back")


def test_a_file_that_is_not_there_is_waited_for_by_all(tmp_path: Path) -> None:
    heard, path = Heard(), tmp_path / "later"
    heard.follow(path, *MANY)
    heard.follows.cancel({"id": "0"})
    path.write_bytes(b"now")
    heard.finish(*MANY)
    found = heard.bytes_of(*MANY[1:])[0]
    assert set(found.values()) == {b"now"}
    heard.follow(tmp_path / "never", "never")
    heard.finish("never")
    assert heard.next() == {"t": "done", "id": "never"}
    assert heard.follows.open_count == 0


def test_who_does_not_know_parts_for_many_gets_its_own(tmp_path: Path) -> None:
    """A server of the version before."""
    heard, path = Heard(), tmp_path / "log"
    path.write_bytes(b"")
    heard.follow(path, "1", "2", many=False)
    path.write_bytes(b"hi")
    assert sorted(heard.next()["ids"] + heard.next()["ids"]) == ["1", "2"]
    heard.follows.stop()


def test_what_all_may_leave_untaken_is_bounded(tmp_path: Path) -> None:
    heard = Heard()
    assert heard.follows.window == WINDOW_BYTES
    for number in range(1000):
        heard.follows.begin({"id": str(number), "path": str(tmp_path / "log"), "offset": 0})
    assert heard.follows.window * 1000 <= WINDOWS_BYTES
    for number in range(1000, 5000):
        heard.follows.begin({"id": str(number), "path": str(tmp_path / "log"), "offset": 0})
    assert heard.follows.window == WINDOW_LEAST_BYTES


def test_a_thousand_logs_need_more_descriptors_than_a_login_has(tmp_path: Path) -> None:
    heard, (soft, hard) = Heard(), resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (400, hard))
    try:
        paths = [tmp_path / str(number) for number in range(1000)]
        for number, path in enumerate(paths):
            path.write_bytes(b"hi")
            heard.follow(path, str(number))
        heard.finish(*map(str, range(1000)))
        found = heard.bytes_of(*map(str, range(1000)))[0]
        assert set(found.values()) == {b"hi"}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
