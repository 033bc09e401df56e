"""Node lists: short texts for many names, bounded before they are expanded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.errors import Invalid
from launchyard.model.hostlist import NAMES_MAX, compress, expand

names = st.from_regex(r"[a-z][a-z-]{0,3}[0-9]{0,4}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n1", ["n1"]),
        ("n[1-3,5],m1", ["n1", "n2", "n3", "n5", "m1"]),
        ("n[08-10]", ["n08", "n09", "n10"]),
        ("n[9-11]", ["n9", "n10", "n11"]),
        ("r[1-2]n[1-2]", ["r1n1", "r1n2", "r2n1", "r2n2"]),
        ("gpu[1]-ib", ["gpu1-ib"]),
        (" a , b ", ["a", "b"]),
    ],
)
def test_a_node_list_is_expanded_in_the_order_written(text: str, expected: list[str]) -> None:
    assert expand(text) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        ("a,,b", "empty name"),
        ("n[1", "not closed"),
        ("n1]", "bracket too many"),
        ("n[[1]]", "bracket too many"),
        ("n[x]", '"x"'),
        ("n[]", '""'),
        ("n[3-1]", "Write 1-3"),
        ("n[1-2-3]", '"1-2-3"'),
        ("n 1", '" "'),
        ("n/1", '"/"'),
        ("n[1-100000000]", "more than"),
        ("a[1-9999]b[1-9999]c[1-9999]", "more than"),
        ("n" * 300_000, "characters"),
    ],
)
def test_a_wrong_node_list_is_refused_with_its_part(text: str, named: str) -> None:
    with pytest.raises(Invalid) as caught:
        expand(text)
    assert named in str(caught.value)


def test_as_many_names_as_allowed_are_expanded() -> None:
    assert len(expand(f"n[1-{NAMES_MAX}]")) == NAMES_MAX


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        (["n1"], "n1"),
        (["n3", "n1", "n2", "n5"], "n[1-3,5]"),
        (["n9", "n10", "m"], "m,n[9-10]"),
        (["n08", "n09", "n10"], "n[08-10]"),
        (["n1", "n01"], "n1,n01"),
        ([], ""),
    ],
)
def test_names_are_compressed_into_ranges(nodes: list[str], text: str) -> None:
    assert compress(nodes) == text


@given(st.lists(names, min_size=1, max_size=30))
def test_compressed_names_expand_to_the_same_names(nodes: list[str]) -> None:
    expanded = expand(compress(nodes))
    assert sorted(expanded) == sorted(set(nodes))


@given(st.text(alphabet="n0123456789[]-, a", max_size=12))
def test_any_text_is_a_node_list_or_refused(text: str) -> None:
    try:
        nodes = expand(text)
    except Invalid:
        return
    assert 0 < len(nodes) <= NAMES_MAX
