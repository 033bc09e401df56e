"""What commands use in place of `typing` and `json`: the same, but quicker to import."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model import lightjson
from launchyard.model.light import NamedTuple

Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


class Point(NamedTuple):
    """Where it is."""

    x: int
    y: int = 2
    name: str | None = None

    @property
    def sum(self) -> int:
        return self.x + self.y


def test_a_named_tuple_is_as_that_of_typing() -> None:
    make: Any = Point
    point = make(1, name="here")

    assert point == (1, 2, "here")
    assert repr(point) == "Point(x=1, y=2, name='here')"
    assert (point.sum, point._replace(y=5).sum) == (3, 6)
    assert (Point.__doc__, Point.__module__, Point._fields) == ("Where it is.", __name__, ("x", "y", "name"))
    with pytest.raises(TypeError):
        make()
    with pytest.raises(AttributeError):
        point.x = 3


@pytest.mark.long
@given(Json)
def test_json_is_read_and_written_as_by_json(value: Any) -> None:
    text = lightjson.write(value)

    assert text == json.dumps(value, separators=(",", ":"))
    assert lightjson.read(text) == json.loads(text)
    assert lightjson.read(f" \n{json.dumps(value, indent=2)}\n") == value


@pytest.mark.parametrize("text", ["", " ", '{"a"', "[1,", "nope", '{"a":1} x', '"\n"', "[1]]"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        lightjson.read(text)
    with pytest.raises(TypeError):
        lightjson.write({"text": {text}})
