"""Sweeps: parameters and their values, and the one script by which every task finds its combination.

A sweep is an array whose task N runs combination N, the last parameter turning fastest. The script works out
the values from the task's index, so nothing is listed that can be counted. A value reaches the command as the
content of a variable and is never read as a piece of shell.
"""

import difflib
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from launchyard.model.array import INDEX_MAX, Indexes, format_indexes
from launchyard.model.errors import Invalid
from launchyard.model.number import shown

METADATA_KEY = "launchyard.sweep"
SPEC_BYTES_MAX = 4096
"""Every task's record holds the parameters, so they are kept short."""
VARIABLE = "LAUNCHYARD_PARAM_"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FIELD = re.compile(r"\{\{[A-Za-z_]\w*\}\}|\$?\{([A-Za-z_]\w*)\}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_RANGE_PARTS = (2, 3)
LISTED_MAX = 100_000
"""How many values a script may list, rather than count."""
_TRY = "write for example -p lr=0.1,0.01 or -p seed=1..10"


class Span(Sequence[str]):
    """Whole numbers `first`, `first + step`, ...: as many as `length`, each made when asked for."""

    def __init__(self, first: int, step: int, length: int) -> None:
        self.first, self.step, self._length = first, step, length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < self._length:
            raise IndexError(index)
        return str(self.first + index * self.step)


class Parameter(NamedTuple):
    """One parameter; `spec` is the text after the `=` that its values were read from."""

    name: str
    spec: str
    values: Sequence[str]

    @property
    def variable(self) -> str:
        return VARIABLE + self.name.upper()


@dataclass(frozen=True, slots=True)
class Sweep:
    """Every combination of the values of `parameters`."""

    parameters: tuple[Parameter, ...]

    @property
    def count(self) -> int:
        total = 1
        for parameter in self.parameters:
            total *= len(parameter.values)
        return total

    def combination(self, index: int) -> dict[str, str]:
        """The values of task `index`."""
        values = {}
        for parameter in reversed(self.parameters):
            index, turn = divmod(index, len(parameter.values))
            values[parameter.name] = parameter.values[turn]
        return {parameter.name: values[parameter.name] for parameter in self.parameters}

    def command(self, words: Sequence[str], index: int) -> list[str]:
        """What task `index` runs."""
        values = self.combination(index)
        return ["".join(values[part] if field else part for field, part in _parts(word, values))
                for word in words]  # fmt: skip

    def script(self, words: Sequence[str]) -> str:
        """The script of all tasks. Raises `Invalid` for a field that is nearly a parameter's name."""
        names = {parameter.name: parameter for parameter in self.parameters}
        self._check_fields(words)
        quoted = [
            "".join(f'"${names[part].variable}"' if field else shlex.quote(part)
                    for field, part in _parts(word, names)) or "''"
            for word in words
        ]  # fmt: skip
        return "\n".join(["#!/bin/sh", *self.choices(), f"exec {' '.join(quoted)}", ""])

    def choices(self) -> list[str]:
        """The lines of a script by which a task finds its values: each is in its parameter's variable."""
        lines = ["# Task N runs combination N of the values below, the last one turning fastest."]
        turns = self.count
        for parameter in self.parameters:
            turns //= len(parameter.values)
            lines += _choice(parameter, turns)
            lines.append(f"export {parameter.variable}")
        return lines

    def metadata(self) -> str:
        """The parameters as a job keeps them."""
        return json.dumps([f"{one.name}={one.spec}" for one in self.parameters], ensure_ascii=False)

    def _check_fields(self, words: Sequence[str]) -> None:
        names = [parameter.name for parameter in self.parameters]
        fields = {found[1] for word in words for found in _FIELD.finditer(word)
                  if found[1] and not found[0].startswith("$")}  # fmt: skip
        unused = [name for name in names if name not in fields]
        for field in sorted(fields - set(names)):
            if near := difflib.get_close_matches(field, unused, n=1):
                raise Invalid(
                    f"the command has {{{field}}}, which is no parameter; did you mean {{{near[0]}}}?"
                )


def parse_sweep(texts: Sequence[str]) -> Sweep:
    """The sweep of parameters such as `lr=0.1,0.01` and `seed=1..10`. Raises `Invalid`."""
    if not texts:
        raise Invalid(f"no parameter is named; {_TRY}")
    parameters = tuple(parse_parameter(text) for text in texts)
    return _checked(parameters)


def sweep_of(parameters: Mapping[str, Any]) -> Sweep:
    """The same of Python values: `{"lr": [0.1, 0.01], "seed": range(1, 11)}`, or texts as after the `=`."""
    made = [
        parse_parameter(f"{name}={values}")
        if isinstance(values, str)
        else _listed(name, list(map(str, values)))
        for name, values in parameters.items()
    ]
    if not made:
        raise Invalid("no parameter is named; give for example {'lr': [0.1, 0.01]}")
    return _checked(tuple(made))


def kept_sweep(metadata: Mapping[str, str]) -> Sweep | None:
    """The sweep that a job belongs to; None when it is of none."""
    try:
        texts = json.loads(metadata.get(METADATA_KEY) or "null")
        return parse_sweep(texts) if isinstance(texts, list) and all(map(_is_text, texts)) else None
    except (ValueError, Invalid):
        return None


def every(sweep: Sweep) -> str:
    """All combinations, as the indexes of an array."""
    return format_indexes(Indexes(((0, sweep.count - 1, 1),)))


def parse_parameter(text: str) -> Parameter:
    """`lr=0.1,0.01`; `seed=1..10`; `x=0..1..0.25`; values that hold commas in quotes. Raises `Invalid`."""
    name, equals, spec = text.partition("=")
    if not equals or not NAME.fullmatch(name) or not name.isascii():
        raise Invalid(f"the parameter {shown(text)} is not understood; {_TRY}")
    if "\0" in spec or not spec:
        raise Invalid(f"the parameter {name} has no value; {_TRY}")
    values: list[str] = []
    parts = list(_split(spec, name))
    for part, quoted in parts:
        made = None if quoted else _range(part, name)
        if isinstance(made, Span) and len(parts) == 1:
            return Parameter(name, spec, made)
        values += [part] if made is None else made
    return Parameter(name, spec, values)


def _listed(name: str, values: Sequence[str]) -> Parameter:
    """Values that are meant as they are."""
    spec = ",".join(_quoted(value, name) for value in values)
    return parse_parameter(f"{name}={spec}")


def _quoted(value: str, name: str) -> str:
    if re.fullmatch(r"[\w.+/:-]+", value) and ".." not in value:
        return value
    for quote in "\"'":
        if quote not in value:
            return f"{quote}{value}{quote}"
    raise Invalid(f"a value of the parameter {name} has both kinds of quotes: {shown(value)}")


def _checked(parameters: tuple[Parameter, ...]) -> Sweep:
    seen: set[str] = set()
    for parameter in parameters:
        if parameter.variable in seen:
            raise Invalid(f"the parameter {parameter.name} is named twice; give all its values at once")
        seen.add(parameter.variable)
    sweep = Sweep(parameters)
    length = len(sweep.metadata().encode("utf-8", "surrogateescape"))
    if length > SPEC_BYTES_MAX:
        raise Invalid(
            f"the values are {length} characters long, at most {SPEC_BYTES_MAX} are possible; "
            "put them into a file and sweep over its lines, like -p line=1..500"
        )
    if sweep.count > INDEX_MAX:
        raise Invalid(f"the sweep has {sweep.count} combinations; an array has at most {INDEX_MAX} tasks")
    return sweep


def _split(spec: str, name: str) -> Iterator[tuple[str, bool]]:
    """The parts between commas outside quotes, without their quotes, and whether they had any."""
    part, quote, quoted = "", "", False
    for char in spec:
        if char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote, quoted = char, True
        elif not quote and char == ",":
            yield part, quoted
            part, quoted = "", False
        else:
            part += char
    if quote:
        raise Invalid(f"the values of the parameter {name} have a quote without its end: {shown(spec)}")
    yield part, quoted


def _range(text: str, name: str) -> Sequence[str] | None:
    """`1..10`, `10..1`, `0..1..0.25`, `01..12`, ends included; None for what is no range of numbers."""
    ends = text.split("..")
    if len(ends) not in _RANGE_PARTS or not all(map(_NUMBER.fullmatch, ends)):
        return None
    first, last, *steps = map(Decimal, ends)
    step = steps[0] if steps else Decimal(1 if last >= first else -1)
    if step == 0 or (last - first) * step < 0:
        raise Invalid(f"the range {text} of the parameter {name} never arrives; {_TRY}, or -p x=0..1..0.25")
    count = int((last - first) / step) + 1
    if count > INDEX_MAX:
        raise Invalid(
            f"the range {text} of the parameter {name} has {count} values; at most {INDEX_MAX} are possible"
        )
    width = len(ends[0]) if ends[0].startswith("0") and ends[0].isdigit() and len(ends[0]) > 1 else 0
    if not width and all("." not in end for end in (ends[0], *ends[2:])):
        return Span(int(first), int(step), count)
    if count > LISTED_MAX:
        raise Invalid(
            f"the range {text} of the parameter {name} has {count} values; at most {LISTED_MAX} are possible"
        )
    return [f"{first + number * step:f}".zfill(width) for number in range(count)]


def _choice(parameter: Parameter, turns: int) -> list[str]:
    """The lines that give a parameter's variable its value; `turns` tasks in a row have the same."""
    index = "LAUNCHYARD_ARRAY_INDEX" if turns == 1 else f"LAUNCHYARD_ARRAY_INDEX / {turns}"
    turn = f"{index} % {len(parameter.values)}"
    if isinstance(parameter.values, Span):
        span = parameter.values
        return [f"{parameter.variable}=$(({span.first} + {turn} * {span.step}))"]
    cases = [
        f"{number}) {parameter.variable}={shlex.quote(value)} ;;"
        for number, value in enumerate(parameter.values)
    ]
    return [f"case $(({turn})) in", *cases, "esac"]


def _parts(word: str, names: Mapping[str, object]) -> Iterator[tuple[bool, str]]:
    """Pieces of text (False) and names of parameters (True). `{{lr}}` is `{lr}`; `${lr}` is the shell's."""
    end = 0
    for found in _FIELD.finditer(word):
        if found[1] in names and not found[0].startswith("$"):
            piece = (True, found[1])
        elif found[1] is None and found[0][2:-2] in names:
            piece = (False, found[0][1:-1])
        else:
            continue
        if found.start() > end:
            yield False, word[end : found.start()]
        yield piece
        end = found.end()
    if end < len(word):
        yield False, word[end:]


def _is_text(value: object) -> bool:
    return isinstance(value, str)
