"""Following a file: orders that come faster than the file opens are not lost."""

import queue
from pathlib import Path

from launchyard.helper.logs import Follows
from launchyard.launcher.messages import Message


class Heard:
    """What a follower was sent."""

    def __init__(self) -> None:
        self.messages: queue.Queue[Message] = queue.Queue()
        self.follows = Follows(self._part, self.messages.put)

    def _part(self, id: str, data: bytes, offset: int, size: int) -> None:
        self.messages.put({"t": "part", "id": id, "data": data})

    def next(self) -> Message:
        return self.messages.get(timeout=60)


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
    before = len(list(Path("/proc/self/fd").iterdir()))
    heard.follows.begin(order)
    heard.follows.cancel({"id": "1"})
    heard.follows.open(order)
    assert heard.follows.open_count == 0
    assert len(list(Path("/proc/self/fd").iterdir())) == before


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
