"""Array indexes stay ranges: read, written, split and refused without being expanded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.array import INDEX_MAX, Indexes, format_indexes, normalised, parse_indexes
from launchyard.model.errors import Invalid

ranges = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 60), st.integers(1, 9)).map(
        lambda r: (r[0], r[0] + r[1], r[2])
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize(
    ("text", "expected", "throttle"),
    [
        ("7", [7], None),
        ("0-3", [0, 1, 2, 3], None),
        ("1-10:2", [1, 3, 5, 7, 9], None),
        ("1-10:2%4,20", [1, 3, 5, 7, 9, 20], 4),
        ("1-10:2,20%4", [1, 3, 5, 7, 9, 20], 4),
        ("3,1,2", [1, 2, 3], None),
        ("1-5,3-8", [1, 2, 3, 4, 5, 6, 7, 8], None),
        ("1-9:2,2-10:2", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], None),
        ("5,5", [5], None),
        ("1-2%0", [1, 2], None),
    ],
)
def test_every_form_of_an_array_is_read(text: str, expected: list[int], throttle: int | None) -> None:
    indexes, most = parse_indexes(text)
    assert list(indexes) == expected
    assert most == throttle


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        ("a-b", '"a-b"'),
        ("1-", '"1-"'),
        ("1:2", '"1:2"'),
        ("1-5:0", "step is 0"),
        ("5-1", "Write 1-5"),
        ("1,,2", '""'),
        ("1-5%2%3", '"1-5%2%3"'),
        ("1%2,3%4", '"3%4"'),
        ("1-5%", '"1-5%"'),
        ("0-1000000000", "the largest is 4000000"),
        ("1-3000000:2,2-3000000:2", "overlaps"),
        ("1," * 40_000, "80000 characters"),
    ],
)
def test_a_wrong_array_is_refused_with_its_part(text: str, named: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_indexes(text)
    assert named in str(caught.value)


def test_the_largest_array_is_kept_as_one_range() -> None:
    indexes, _ = parse_indexes(f"1-{INDEX_MAX}")
    first, rest = indexes.split_first(2)
    assert len(indexes) == INDEX_MAX
    assert first == [1, 2]
    assert rest.ranges == ((3, INDEX_MAX, 1),)
    assert INDEX_MAX in rest
    assert 2 not in rest


@given(ranges)
def test_normalised_ranges_hold_the_same_indexes_once_and_in_order(parts: list[tuple[int, int, int]]) -> None:
    wanted = sorted({index for first, last, step in parts for index in range(first, last + 1, step)})
    indexes = normalised(parts)
    assert list(indexes) == wanted
    assert len(indexes) == len(wanted)
    assert normalised(indexes.ranges) == indexes


@given(ranges, st.one_of(st.none(), st.integers(1, 99)))
def test_an_array_written_is_read_back(parts: list[tuple[int, int, int]], throttle: int | None) -> None:
    indexes = normalised(parts)
    assert parse_indexes(format_indexes(indexes, throttle)) == (indexes, throttle)


@given(ranges, st.integers(0, 80))
def test_splitting_takes_the_lowest_and_keeps_the_rest(parts: list[tuple[int, int, int]], count: int) -> None:
    indexes = normalised(parts)
    taken, rest = indexes.split_first(count)
    assert taken == list(indexes)[:count]
    assert list(rest) == list(indexes)[count:]
    assert list(normalised(rest.ranges)) == list(rest)


@given(ranges, st.integers(0, 380))
def test_one_index_taken_out_leaves_all_others(parts: list[tuple[int, int, int]], index: int) -> None:
    indexes = normalised(parts)
    rest = indexes.without(index)
    assert list(rest) == [one for one in indexes if one != index]
    assert (index in indexes) == (len(rest) == len(indexes) - 1)


def test_no_indexes_are_an_empty_set() -> None:
    assert list(Indexes()) == []
    assert Indexes().split_first(3) == ([], Indexes())


@given(st.text(alphabet="0123456789-:,% a", max_size=40))
def test_any_text_is_an_array_or_refused(text: str) -> None:
    try:
        indexes, _ = parse_indexes(text)
    except Invalid:
        return
    assert 0 < len(indexes) <= INDEX_MAX
