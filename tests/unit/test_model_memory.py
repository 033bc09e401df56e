"""Memory has a unit, is exact, and a bare number is asked back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.errors import Invalid
from launchyard.model.memory import MEMORY_MAX_MIB, format_memory, humane_memory, parse_memory


@pytest.mark.parametrize(
    ("text", "mib"),
    [
        ("4G", 4_096),
        ("4g", 4_096),
        ("4GB", 4_096),
        ("4GiB", 4_096),
        ("8 GiB", 8_192),
        ("4000M", 4_000),
        ("512K", 1),
        ("1025K", 2),
        ("0.5T", 524_288),
        (".5G", 512),
        ("1.5G", 1_536),
        ("1.0001M", 2),
    ],
)
def test_every_form_of_memory_is_read_as_mib_rounded_up(text: str, mib: int) -> None:
    assert parse_memory(text) == mib


@pytest.mark.parametrize("text", ["4", "4000", "0.5"])
def test_a_bare_number_is_asked_back(text: str) -> None:
    with pytest.raises(Invalid, match=f"{text} MiB\\? write {text}M or {text}G"):
        parse_memory(text)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        ("G", '""'),
        ("4X", '"X"'),
        ("4GG", '"GG"'),
        ("4.G", '"4."'),
        ("1e3M", '"1e3"'),
        ("-4G", '"-4"'),
        ("4,5G", '"4,5"'),
        ("0G", "zero"),
        ("9999999999P", "more than any machine"),
        ("1" * 41, "41 characters"),
    ],
)
def test_wrong_memory_is_refused_with_its_part(text: str, named: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_memory(text)
    assert named in str(caught.value)


@given(st.integers(1, MEMORY_MAX_MIB))
def test_memory_written_is_read_back(mib: int) -> None:
    assert parse_memory(format_memory(mib)) == mib


@given(st.text(max_size=50))
def test_any_text_is_memory_or_refused(text: str) -> None:
    try:
        mib = parse_memory(text)
    except Invalid:
        return
    assert 0 < mib <= MEMORY_MAX_MIB


def test_memory_for_people_is_exact_or_rounded_as_asked() -> None:
    assert format_memory(8_192) == "8 GiB"
    assert format_memory(1_536) == "1.5 GiB"
    assert format_memory(1_025) == "1025 MiB"
    assert [humane_memory(m) for m in (31_900, 1_536, 340, 0.4, 0)] == [
        "31 GiB",
        "1.5 GiB",
        "340 MiB",
        "0.4 MiB",
        "0 MiB",
    ]
