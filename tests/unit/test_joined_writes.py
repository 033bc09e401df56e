"""An answer's head waits for what follows it at once; a large part waits for nothing and is not copied."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from launchyard.api.connection import JoinedWrites
from launchyard.api.taken import LARGE_BYTES

LARGE = b"x" * LARGE_BYTES


class Wire:
    """What was written, and whether it is closing."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True


def written(does: Callable[[JoinedWrites], None]) -> list[bytes]:
    wire = Wire()

    async def work() -> None:
        does(JoinedWrites(cast(asyncio.Transport, wire), asyncio.get_running_loop()))
        await asyncio.sleep(0)

    asyncio.run(work())
    return wire.written


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([b"head"], [b"head"]),
        ([b"head", b"body"], [b"headbody"]),
        ([b"head", b"body", b"more"], [b"headbody", b"more"]),
        ([b"head", LARGE], [b"head", LARGE]),
        ([b"head", LARGE, b"end"], [b"head", LARGE, b"end"]),
        ([LARGE, LARGE], [LARGE, LARGE]),
    ],
)
def test_small_writes_are_joined_in_their_order(parts: list[bytes], expected: list[bytes]) -> None:
    def does(joined: JoinedWrites) -> None:
        for part in parts:
            joined.write(part)

    assert written(does) == expected


def test_what_waits_is_written_before_the_connection_is_closed() -> None:
    def does(joined: JoinedWrites) -> None:
        joined.write(b"head")
        joined.close()
        joined.write(LARGE)

    assert written(does) == [b"head"]
