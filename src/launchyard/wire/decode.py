"""Parsed JSON into our plain dataclasses, strictly: every surprise is one sentence with its path.

`decode(SubmitJob, {"tiem_limit_s": 60})` raises `Invalid("unknown key 'tiem_limit_s'; did you mean
'time_limit_s'?")`. Readers are built once a class. Texts with a NUL are refused everywhere, because no
path, argument or variable of an operating system can hold one.
"""

from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from enum import EnumType
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from launchyard.model.errors import Invalid
from launchyard.model.number import shown

T = TypeVar("T")
Reader = Callable[[Any], Any]
Readers = dict[type, Reader]

INTEGER_MAX = 2**63
DEPTH_MAX = 32


def decode(cls: type[T], data: object) -> T:
    """An instance of the dataclass `cls`. Raises `Invalid` for an unknown or missing key or a wrong type."""
    try:
        return cast(T, _choose(_readers(cast(Any, cls)), "an object", data))
    except _Mismatch as mismatch:
        raise Invalid(mismatch.sentence()) from None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'time_limit_s'?`, or nothing when no known word is near."""
    near = get_close_matches(word[:80], list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def shown_value(value: object) -> str:
    """A JSON value as an error names it, short and printable."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value) if abs(value) < 1e40 else "a very large number"
    return {NoneType: "null", list: "a list", dict: "an object"}.get(type(value), "something else")


class _Mismatch(Exception):
    """Collects the path on its way out; `say` makes the sentence of the whole path."""

    def __init__(self, say: Callable[[str], str]) -> None:
        self.say = say
        self.path: list[str] = []

    def sentence(self) -> str:
        return self.say("".join(reversed(self.path)).removeprefix(".") or "the body")


def _choose(readers: Readers, expected: str, value: Any) -> Any:
    reader = readers.get(type(value))
    if reader is None:
        raise _Mismatch(lambda path: f"{path} must be {expected}, not {shown_value(value)}")
    return reader(value)


@cache
def _readers(hint: Any) -> Readers:
    """Which function reads a JSON value of each Python type into `hint`."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return {kind: reader for part in get_args(hint) for kind, reader in _readers(part).items()}
    if hint in _SCALARS:
        return _SCALARS[hint]
    if hint is Any:
        return dict.fromkeys((str, int, float, bool, NoneType, list, dict), _anything)
    if origin is Literal or isinstance(hint, EnumType):
        return {str: _word(hint)}
    if origin is list:
        return {list: _list(*get_args(hint))}
    if origin is dict:
        return {dict: _dict(get_args(hint)[1])}
    if isinstance(hint, type) and is_dataclass(hint):
        return {dict: _object(hint)}
    raise TypeError(f"a body cannot have a field of type {hint!r}")


@cache
def _expected(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(get_args(hint))
    names = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(_expected(part) for part in get_args(hint) if part is not NoneType)
    return names.get(hint) or ("a list" if get_origin(hint) is list else "an object")


def _text(value: str) -> str:
    if "\0" in value:
        raise _Mismatch(
            lambda path: f"{path} holds a NUL character, which no program can be given; remove it"
        )
    return value


def _integer(value: int) -> int:
    if not -INTEGER_MAX <= value < INTEGER_MAX:
        raise _Mismatch(lambda path: f"{path} is out of range: {shown_value(value)}")
    return value


def _number(value: int) -> float:
    return float(_integer(value))


def _same(value: Any) -> Any:
    return value


_SCALARS: dict[Any, Readers] = {
    str: {str: _text},
    int: {int: _integer},
    float: {float: _same, int: _number},
    bool: {bool: _same},
    NoneType: {NoneType: _same},
}


def _word(hint: Any) -> Reader:
    """One of a few words; an enum's member is answered for its value."""
    members = {word: word for word in get_args(hint)} or {str(member.value): member for member in hint}

    def read(value: str) -> Any:
        if value not in members:
            known = ", ".join(members)
            raise _Mismatch(lambda path: f"{path} must be one of {known}, not {shown_value(value)}")
        return members[value]

    return read


def _list(item: Any) -> Reader:
    readers, expected = _readers(item), _expected(item)

    def read(values: list[Any]) -> list[Any]:
        done: list[Any] = []
        try:
            done.extend(_choose(readers, expected, value) for value in values)
        except _Mismatch as mismatch:
            mismatch.path.append(f"[{len(done)}]")
            raise
        return done

    return read


def _dict(item: Any) -> Reader:
    readers, expected = _readers(item), _expected(item)

    def read(values: dict[str, Any]) -> dict[str, Any]:
        done: dict[str, Any] = {}
        key = ""
        try:
            for key, value in values.items():
                done[_text(key)] = _choose(readers, expected, value)
        except _Mismatch as mismatch:
            mismatch.path.append(f"[{shown(key)}]")
            raise
        return done

    return read


def _object(cls: type) -> Reader:
    hints = get_type_hints(cls)
    known = {field.name: (_readers(hints[field.name]), _expected(hints[field.name])) for field in fields(cls)}
    required = {
        field.name for field in fields(cls) if field.default is MISSING and field.default_factory is MISSING
    }

    def read(values: dict[str, Any]) -> Any:
        done: dict[str, Any] = {}
        key = ""
        try:
            for key, value in values.items():
                if key not in known:
                    raise _unknown(key, known)
                readers, expected = known[key]
                reader = readers.get(type(value))
                done[key] = _choose(readers, expected, value) if reader is None else reader(value)
        except _Mismatch as mismatch:
            mismatch.path.append(f".{key if key in known else _short(key)}")
            raise
        if required and not required <= done.keys():
            raise _missing(min(required - done.keys()))
        return cls(**done)

    return read


def _anything(value: Any, depth: int = 0) -> Any:
    """What JSON can hold, where somebody else says what it means."""
    if isinstance(value, str):
        return _text(value)
    if not isinstance(value, list | dict):
        return value
    if depth == DEPTH_MAX:
        raise _Mismatch(lambda path: f"{path} is nested more than {DEPTH_MAX} levels deep")
    key: int | str = 0
    try:
        for key, one in enumerate(value) if isinstance(value, list) else value.items():
            if isinstance(key, str):
                _text(key)
            _anything(one, depth + 1)
    except _Mismatch as mismatch:
        mismatch.path.append(f"[{shown(key) if isinstance(key, str) else key}]")
        raise
    return value


def _short(key: str) -> str:
    return shown(key)[1:-1]


def _unknown(key: str, known: Iterable[str]) -> _Mismatch:
    near = get_close_matches(key[:80], list(known), n=1)

    def say(path: str) -> str:
        return f"unknown key '{path}'" + (
            f"; did you mean '{path.removesuffix(_short(key))}{near[0]}'?" if near else ""
        )

    return _Mismatch(say)


def _missing(key: str) -> _Mismatch:
    missing = _Mismatch(lambda path: f"{path} is missing")
    missing.path.append(f".{key}")
    return missing
