"""Values in pages are as those of a plain dictionary, however often it is copied."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.policy import paged
from launchyard.policy.paged import Paged


@pytest.fixture(autouse=True)
def _few_in_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paged, "PAGE_BITS", 1)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(-2, 3)), max_size=80))
def test_each_copy_is_as_a_dictionary_of_its_own(steps: list[tuple[int, int, int]]) -> None:
    every: list[tuple[Paged[int], dict[int, int]]] = [(Paged(), {})]
    for number, key, value in steps:
        found, plain = every[number % len(every)]
        if value == -2:
            every.append((found.copy(), plain.copy()))
        elif value == -1:
            assert found.pop(key, None) == plain.pop(key, None)
        else:
            found[key] = plain[key] = value

    for found, plain in every:
        assert found == plain
        assert (len(found), sorted(found)) == (len(plain), sorted(plain))
        assert [found.get(key) for key in range(10)] == [plain.get(key) for key in range(10)]
        assert [key in found for key in range(10)] == [key in plain for key in range(10)]


def test_what_is_not_there_is_missed_as_in_a_dictionary() -> None:
    found = Paged[int]()
    found[2] = 1

    with pytest.raises(KeyError):
        found[3]
    with pytest.raises(KeyError):
        del found[3]
    assert 3 not in found
