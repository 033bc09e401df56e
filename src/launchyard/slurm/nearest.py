"""The known word most like one that is unknown."""

import importlib
from collections.abc import Iterable


def nearest(written: str, known: Iterable[str]) -> str | None:
    # Loaded only when a mistake was made: it costs a command more than all else it imports.
    difflib = importlib.import_module("difflib")
    near: list[str] = difflib.get_close_matches(written, list(known), n=1)
    return near[0] if near else None
