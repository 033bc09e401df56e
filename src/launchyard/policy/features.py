"""Which nodes a constraint such as `(a100|h100)&!old` allows: an expression over the words that nodes carry.

`&` binds tighter than `|`, `!` tightest; `,` means `&`. Linear time, with a bound on the depth of brackets.
"""

import re
from collections.abc import Callable, Collection
from functools import lru_cache

from launchyard.model.errors import Invalid
from launchyard.model.number import bounded, shown

LENGTH_MAX = 1_024
DEPTH_MAX = 32

Allows = Callable[[Collection[str]], bool]

_TOKEN = re.compile(r"\s*([&,|!()\[\]]|[A-Za-z0-9_.:=+-]+)\s*")
_TRY = "Write for example a100&nvlink, a100|h100 or !old."


@lru_cache(maxsize=1_024)
def parse_constraint(text: str) -> Allows:
    """The constraint as a question about a node's features. Raises `Invalid`."""
    tokens = _tokens(bounded(text, "the constraint", LENGTH_MAX))
    allows, rest = _either(tokens, text, 0)
    if rest:
        raise Invalid(f"the constraint {shown(text)} has {shown(rest[0])} where nothing is expected. {_TRY}")
    return allows


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Invalid(f"the constraint {shown(text)} is not understood at {shown(text[at:])}. {_TRY}")
        found.append(match[1])
        at = match.end()
    return found


def _either(tokens: list[str], text: str, depth: int) -> tuple[Allows, list[str]]:
    terms: list[Allows] = []
    while True:
        term, tokens = _both(tokens, text, depth)
        terms.append(term)
        if not tokens or tokens[0] != "|":
            break
        tokens = tokens[1:]
    return (terms[0] if len(terms) == 1 else lambda words: any(one(words) for one in terms)), tokens


def _both(tokens: list[str], text: str, depth: int) -> tuple[Allows, list[str]]:
    terms: list[Allows] = []
    while True:
        term, tokens = _word(tokens, text, depth)
        terms.append(term)
        if not tokens or tokens[0] not in ("&", ","):
            break
        tokens = tokens[1:]
    return (terms[0] if len(terms) == 1 else lambda words: all(one(words) for one in terms)), tokens


def _word(tokens: list[str], text: str, depth: int) -> tuple[Allows, list[str]]:
    if not tokens or depth > DEPTH_MAX:
        what = "ends too early" if not tokens else "has too many brackets"
        raise Invalid(f"the constraint {shown(text)} {what}. {_TRY}")
    word, rest = tokens[0], tokens[1:]
    if word == "!":
        inner, rest = _word(rest, text, depth + 1)
        return (lambda words: not inner(words)), rest
    if word in ("(", "["):
        inner, rest = _either(rest, text, depth + 1)
        if not rest or rest[0] != (")" if word == "(" else "]"):
            raise Invalid(f"the constraint {shown(text)} has a bracket that is not closed. {_TRY}")
        return inner, rest[1:]
    if word in ("&", ",", "|", ")", "]"):
        raise Invalid(f"the constraint {shown(text)} has {shown(word)} where a feature is expected. {_TRY}")
    return (lambda words: word in words), rest
