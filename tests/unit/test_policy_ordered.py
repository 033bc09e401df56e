"""Values in short runs stand as in one sorted list."""

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.policy import ordered
from launchyard.policy.ordered import Ordered


@pytest.fixture(autouse=True)
def _few_in_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordered, "RUN_MAX", 3)


@given(st.lists(st.integers(0, 30), max_size=80))
def test_what_comes_and_goes_stands_as_in_a_sorted_list(steps: list[int]) -> None:
    found, plain = Ordered[int](), list[int]()
    for value in steps:
        if value in plain:
            plain.remove(value)
            found.remove(value)
        else:
            plain = sorted([*plain, value])
            found.add(value)

    assert list(found) == list(found.copy()) == plain
    assert (len(found), bool(found)) == (len(plain), bool(plain))
    assert [found.before(value) for value in range(32)] == [bisect_left(plain, value) for value in range(32)]
    assert list(found.downwards()) == plain[::-1]
    for below in range(32):
        assert list(found.downwards(below)) == [value for value in plain[::-1] if value < below]
    if plain:
        assert found.first == plain[0]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 30)), max_size=80))
def test_copies_of_copies_know_nothing_of_each_other(steps: list[tuple[int, int]]) -> None:
    every: list[tuple[Ordered[int], list[int]]] = [(Ordered(), [])]
    for number, value in steps:
        found, plain = every[number % len(every)]
        if value < 0:
            every.append((found.copy(), plain.copy()))
        elif value in plain:
            plain.remove(value)
            found.remove(value)
        else:
            plain.append(value)
            found.add(value)

    for found, plain in every:
        assert list(found) == sorted(plain)


def test_a_copy_is_one_of_its_own() -> None:
    found = Ordered[int]()
    for value in (5, 1, 3, 2, 4):
        found.add(value)
    twin = found.copy()

    twin.remove(3)
    twin.add(9)

    assert list(found) == [1, 2, 3, 4, 5]
    assert list(twin) == [1, 2, 4, 5, 9]
