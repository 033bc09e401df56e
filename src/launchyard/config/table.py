"""One table of a configuration and where it is, so that each refusal names its line."""

import tomllib
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, NoReturn, TypeVar, cast

from launchyard.config.keys import KEYS, Keys
from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.model.number import shown

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


class Table:
    """`where` is the file's name. `name` is the table in the file, `number` which one of its list, `part` the
    table within it (`limits` in `[[qos]]`)."""

    def __init__(
        self,
        where: str,
        lines: list[str],
        values: Mapping[str, Any],
        keys: Keys,
        name: str = "",
        number: int | None = None,
        part: str = "",
    ) -> None:
        self._where, self._lines, self._values = where, lines, values
        self._name, self._number, self._part = name, number, part
        for key in values:
            if key not in keys:
                near = get_close_matches(key, keys, n=1)
                hint = f"did you mean {near[0]}?" if near else "known here: " + ", ".join(keys)
                self.refuse(key, f"there is no key {key}; {hint}")

    @classmethod
    def parse(cls, where: str, text: str) -> "Table":
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            sentence, at, position = str(error).rpartition(" (at ")
            in_middle = at and position.startswith("line")
            line = position.split(",")[0] if in_middle else f"line {len(text.splitlines()) or 1}"
            raise Invalid(f"{where}, {line}: this is not TOML: {sentence or error}") from None
        return cls(where, text.splitlines(), values, KEYS[""])

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def tables(self, name: str) -> list["Table"]:
        """The tables `[[name]]`, in their order."""
        found = self._values.get(name, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            self.refuse(name, f"{name} is a list of tables; write [[{name}]]")
        return [
            Table(self._where, self._lines, one, KEYS[name], name, number) for number, one in enumerate(found)
        ]

    def table(self, name: str, keys: Keys | None = None) -> "Table":
        """The one table `name`, empty where it is not there; `keys` where it is no table of KEYS."""
        values = self._values.get(name, {})
        if not isinstance(values, dict):
            self.refuse(name, f"{name} is a table; write [{self._name + '.' if self._name else ''}{name}]")
        known = KEYS[name] if keys is None else keys
        if not self._name:
            return Table(self._where, self._lines, values, known, name)
        return Table(self._where, self._lines, values, known, self._name, self._number, name)

    def get(self, key: str, kind: type[T], default: T) -> T:
        """The value of `key`, of the type `kind`."""
        value = self._values.get(key, default)
        if isinstance(value, bool) and kind is not bool:
            right = False
        else:
            right = isinstance(value, int | float) if kind is float else isinstance(value, kind)
        if not right:
            words = {
                int: "a whole number",
                float: "a number",
                str: "text in quotes",
                bool: "true or false",
                list: "a list",
            }
            self.refuse(key, f"{key} = {written(value)} is not {words.get(kind, kind.__name__)}")
        return cast(T, value)

    def is_number(self, key: str) -> bool:
        return isinstance(self._values.get(key), int)

    def is_text(self, key: str) -> bool:
        return isinstance(self._values.get(key), str)

    def read(self, key: str, reader: Callable[[str], T], default: T) -> T:
        """The text of `key` through `reader`, whose refusals get the line."""
        if key not in self._values:
            return default
        text = self.get(key, str, "")
        try:
            return reader(text)
        except LaunchyardError as error:
            self.refuse(key, f"{key} = {written(text)}: {error}")

    def count(self, key: str, default: int, least: int, most: int) -> int:
        value = self.get(key, int, default)
        if not least <= value <= most:
            self.refuse(key, f"{key} = {value} is not between {least} and {most}")
        return value

    def number(self, key: str, default: float, least: float, most: float) -> float:
        value = float(self.get(key, float, default))
        if not least <= value <= most:
            self.refuse(key, f"{key} = {value:g} is not between {least:g} and {most:g}")
        return value

    def counts(self, key: str) -> dict[str, int]:
        """A table of numbers under names that are the site's own."""
        values = self._values.get(key, {})
        if not isinstance(values, dict):
            self.refuse(key, f"{key} is a table; write {key} = {{ name = 4 }}")
        for name, value in values.items():
            if isinstance(value, bool) or not isinstance(value, int):
                self.refuse(key, f"{key}.{name} = {written(value)} is not a whole number")
        return dict(values)

    def texts(self, key: str) -> dict[str, str]:
        """A table of texts under names that are the site's own."""
        values = self._values.get(key, {})
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            self.refuse(key, f'{key} is a table of names in quotes; write {key} = {{ "a" = "b" }}')
        return dict(values)

    def words(self, key: str) -> tuple[str, ...]:
        values = self.get(key, list, [])
        for value in values:
            if not isinstance(value, str) or not value or not value.isprintable():
                self.refuse(key, f"{key} holds {written(value)}; it is a list of words in quotes")
        return tuple(values)

    def one_of(self, key: str, default: E) -> E:
        """A word of an enumeration."""
        value = self.get(key, str, default.value)
        known = [one.value for one in type(default)]
        if value not in known:
            self.refuse(key, f"{key} = {written(value)} is not one of {', '.join(known)}")
        return type(default)(value)

    def known(self, key: str, names: Collection[str], what: str) -> tuple[str, ...]:
        """A list of names of things that are there."""
        found = self.words(key)
        for name in found:
            self.refuse_unknown(key, name, names, what)
        return found

    def refuse_unknown(self, key: str, name: str, names: Collection[str], what: str) -> None:
        """`what` is what the name should be of, such as `QOS`."""
        if name in names:
            return
        near = get_close_matches(name, names, n=1)
        there = f"there are: {', '.join(sorted(names)[:20])}" if names else "there is none"
        self.refuse(key, f"there is no {what} {name}; " + (f"did you mean {near[0]}?" if near else there))

    def need(self, *keys: str) -> None:
        for key in keys:
            if key not in self._values:
                default = "name" if key != "name" else "it"
                self.refuse(default, f"a table of [[{self._name}]] needs {key}; add it")

    def refuse(self, key: str, sentence: str) -> NoReturn:
        line = _line_of(self._lines, self._name, self._number, self._part, key)
        raise Invalid(f"{self._where}, line {line}: {sentence}")


def written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return shown(value) if isinstance(value, str) else shown(str(value)).strip('"')


def _line_of(lines: list[str], table: str, number: int | None, part: str, key: str) -> int:
    """The line of a key in a table (the `number`-th of its list), or in its `part`.

    Where the key has no line of its own (it is in braces, or missing) it is that of the part or the table.
    """
    inside, in_part, seen, best = table == "" and not part, False, -1, 1
    for position, line in enumerate(lines, start=1):
        bare = line.strip()
        if bare.startswith("["):
            name = bare.strip("[").partition("]")[0].replace(" ", "")
            if table == "" and name.partition(".")[0] == key:
                return position
            seen += name == table
            mine = number is None or seen == number
            inside, in_part = name == table and mine, bool(part) and name == f"{table}.{part}" and mine
            if inside or in_part:
                best = position
            continue
        word = bare.partition("=")[0].replace(" ", "").strip("\"'")
        if (in_part or (inside and not part)) and word == key:
            return position
        if inside and part and word == f"{part}.{key}":
            return position
        if inside and part and (word == part or word.startswith(f"{part}.")):
            best = position
    return best
