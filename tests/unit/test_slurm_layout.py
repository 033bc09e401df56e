"""Tasks of a step to nodes: the examples of srun(1), and what must hold for any numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.slurm.layout import count_tasks, lay_out, lay_out_as_listed, parse_distribution

ROOMS = st.lists(st.integers(0, 9), min_size=1, max_size=6)


def test_block_keeps_neighbours_together() -> None:
    assert lay_out(4, [2, 2, 2]) == [[0, 1], [2], [3]]


def test_cyclic_deals_one_by_one() -> None:
    assert lay_out(4, [2, 2, 2], "cyclic") == [[0, 3], [1], [2]]


def test_a_plane_deals_some_at_a_time() -> None:
    assert lay_out(8, [4, 4], "plane", 2) == [[0, 1, 4, 5], [2, 3, 6, 7]]
    assert lay_out(7, [4, 4, 4], "plane", 3) == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_small_node_gets_what_it_has_room_for() -> None:
    assert lay_out(5, [4, 1]) == [[0, 1, 2, 3], [4]]
    assert lay_out(5, [1, 4], "cyclic") == [[0], [1, 2, 3, 4]]


def test_more_tasks_than_room_go_on_in_turn() -> None:
    assert count_tasks(7, [1, 1, 1]) == [3, 2, 2]
    assert count_tasks(5, [0, 0]) == [3, 2]


def test_arbitrary_follows_the_list() -> None:
    assert lay_out_as_listed(["n2", "n1", "n2"]) == (["n2", "n1"], [[0, 2], [1]])


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (None, ("block", 1)),
        ("", ("block", 1)),
        ("block:cyclic,Pack", ("block", 1)),
        ("*:block", ("block", 1)),
        ("Cyclic:cyclic", ("cyclic", 1)),
        ("plane=4", ("plane", 4)),
        ("arbitrary", ("arbitrary", 1)),
    ],
)
def test_the_words_of_a_distribution(text: str | None, meant: tuple[str, int]) -> None:
    assert parse_distribution(text) == meant


@pytest.mark.parametrize("text", ["plane", "plane=0", "plane=x", "round", "block=2", "plane=99999999999"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="plane"):
        parse_distribution(text)


@given(st.integers(1, 40), ROOMS, st.sampled_from(["block", "cyclic", "plane"]), st.integers(1, 5))
def test_each_task_runs_once(tasks: int, room: list[int], distribution: str, plane: int) -> None:
    ranks = lay_out(tasks, room, distribution, plane)

    assert sorted(rank for node in ranks for rank in node) == list(range(tasks))
    assert all(node == sorted(node) for node in ranks)


@given(st.integers(1, 40), ROOMS, st.sampled_from(["block", "cyclic", "plane"]), st.integers(1, 5))
def test_no_node_gets_more_than_its_room_while_others_have_some(
    tasks: int, room: list[int], distribution: str, plane: int
) -> None:
    counts = [len(node) for node in lay_out(tasks, room, distribution, plane)]

    if tasks <= sum(room):
        assert all(count <= most for count, most in zip(counts, room, strict=True))


@given(st.integers(1, 40), ROOMS)
def test_counting_in_rounds_is_counting_one_by_one(tasks: int, room: list[int]) -> None:
    counts, left, cycle, beyond = [0] * len(room), tasks, 0, False
    while left:
        more = False
        for i, most in enumerate(room):
            if left and (cycle < most or beyond):
                counts[i] += 1
                left -= 1
                more |= cycle + 1 < most
        beyond = beyond or not more
        cycle += 1

    assert count_tasks(tasks, room) == counts
