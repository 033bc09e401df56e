"""Query parameters: strict like bodies. An unknown one, or a value nobody could use, is one sentence."""

from collections.abc import Collection

from starlette.requests import HTTPConnection

from launchyard.model.errors import Invalid
from launchyard.model.number import is_digits, shown
from launchyard.model.state import JobState
from launchyard.model.when import parse_rfc3339
from launchyard.wire.decode import did_you_mean


class Query:
    """The parameters of one request, each read by its kind; None is not given."""

    def __init__(self, connection: HTTPConnection, known: Collection[str]) -> None:
        self._given = connection.query_params
        for name in self._given:
            if name not in known:
                raise Invalid(f"unknown parameter {shown(name)}{did_you_mean(name, sorted(known))}")

    def text(self, name: str) -> str | None:
        values = self._given.getlist(name)
        if len(values) > 1:
            raise Invalid(f"{name} is given {len(values)} times; give it once")
        if values and "\0" in values[0]:
            raise Invalid(f"{name} holds a NUL character; remove it")
        return values[0] if values else None

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(self._given.getlist(name))

    def whole(self, name: str, least: int, most: int) -> int | None:
        text = self.text(name)
        if text is None:
            return None
        number = -1 if text.startswith("-") else 1
        digits = text.removeprefix("-")
        if not is_digits(digits) or not least <= number * int(digits) <= most:
            raise Invalid(f"{name} is {shown(text)}; it is a whole number between {least} and {most}")
        return number * int(digits)

    def flag(self, name: str) -> bool:
        text = self.text(name)
        if text not in (None, "", "0", "1", "true", "false"):
            raise Invalid(f"{name} is {shown(text or '')}; write 1 or leave it out")
        return text in ("", "1", "true")

    def time(self, name: str) -> float | None:
        """RFC 3339, or seconds since 1970."""
        text = self.text(name)
        if text is None:
            return None
        whole, _, fraction = text.partition(".")
        if is_digits(whole) and (not fraction or is_digits(fraction)):
            return float(text)
        return parse_rfc3339(text)

    def states(self, name: str) -> frozenset[JobState]:
        """Job states with commas between them; upper or lower case."""
        words = [word.strip() for text in self.texts(name) for word in text[:4096].split(",")]
        return frozenset(_state(word) for word in words if word)


def _state(word: str) -> JobState:
    try:
        return JobState(word.upper())
    except ValueError:
        hint = did_you_mean(word.upper(), [state.value for state in JobState])
        raise Invalid(f"there is no job state {shown(word)}{hint}") from None
