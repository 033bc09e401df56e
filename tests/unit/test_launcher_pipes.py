"""What a child says on its pipe before its exec, as its launcher hears it."""

import fcntl
import itertools
import os
from collections.abc import Iterator

import pytest

from launchyard.launcher.pipes import hear, report


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    yield read, write
    os.close(read)


def pieces(text: bytes) -> Iterator[list[bytes]]:
    """All ways of writing the text in one piece or more."""
    for count in range(len(text)):
        for cuts in itertools.combinations(range(1, len(text)), count):
            edges = [0, *cuts, len(text)]
            yield [text[a:b] for a, b in itertools.pairwise(edges)]


@pytest.mark.parametrize("rest", list(pieces(b"2:no")) + list(pieces(b"13:")) + list(pieces(b"d:x")))
def test_a_failed_exec_is_heard_once_however_its_words_arrive(
    pipe: tuple[int, int], rest: list[bytes]
) -> None:
    """The interpreter's C code writes the word, the number and what follows each by itself."""
    read, write = pipe
    heard = []
    for piece in [b"OSError:", *rest]:
        os.write(write, piece)
        reports, done = hear(read)
        heard += reports
        assert not done
    os.close(write)
    assert hear(read) == ([], True)
    assert heard == [{"again": True}]


def test_reports_are_heard_in_order_and_the_end_of_the_pipe_is_the_end(pipe: tuple[int, int]) -> None:
    read, write = pipe
    assert hear(read) == ([], False)
    os.write(write, b'{"user":{"name":"ada"}}\n{"error":"no"}\n')
    assert hear(read) == ([{"user": {"name": "ada"}}, {"error": "no"}], False)
    os.close(write)
    assert hear(read) == ([], True)


@pytest.mark.parametrize("character", ["a", "\u042f", "\U0001f600", "\udcff", '"'])
def test_a_long_report_comes_in_one_piece_through_the_smallest_of_pipes(
    pipe: tuple[int, int], character: str
) -> None:
    """The kernel gives no larger ones to a user who has very many."""
    read, write = pipe
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(write, False)

    report(write, error=character * 5000, hook=character * 5000)

    [heard], done = hear(read)
    assert not done
    assert set(heard["error"]) == set(heard["hook"]) == {character}
    os.close(write)
