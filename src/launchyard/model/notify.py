"""Of which moments of a job somebody wants to be told, and where: two keys of its metadata."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from launchyard.model.errors import Invalid
from launchyard.model.number import shown

KEY, TO = "launchyard.notify", "launchyard.notify-to"
START, END, FAIL, LIMIT = "start", "end", "fail", "limit"
MOMENTS = (START, END, FAIL, LIMIT)
"""`limit`: 90 % of the time is used, or it is over; a session is stopped soon, or its node is closed."""
MAIL = "mail"
"""The place that is the submitter's own mail."""
PLACES_MAX = 5
PLACE_MAX = 500


def moments_of(metadata: Mapping[str, str]) -> frozenset[str]:
    """What the job is to be told of."""
    return frozenset(_words(metadata.get(KEY, "")))


def places_of(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Where: mail addresses, names of webhooks, URLs; its submitter's mail where none was named."""
    return tuple(_words(metadata.get(TO, ""))) or (MAIL,)


def check(metadata: Mapping[str, str]) -> None:
    """Raises `Invalid` for what can be no wish to be told, wherever it is sent."""
    for word in _words(metadata.get(KEY, "")):
        if word not in MOMENTS:
            near = get_close_matches(word, MOMENTS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(MOMENTS)}"
            raise Invalid(f"nobody is notified of {shown(word)}; {hint}")
    places = _words(metadata.get(TO, ""))
    if len(places) > PLACES_MAX:
        raise Invalid(f"{len(places)} places to notify are too many; name {PLACES_MAX} at most")
    for place in places:
        _check_place(place)
    if places and not metadata.get(KEY):
        raise Invalid("it is said where to notify, and not of what; add --notify end,fail")


def _check_place(place: str) -> None:
    plain = place.isascii() and place.isprintable() and not set(place) & set(" <>\"'`\\;")
    if not plain or len(place) > PLACE_MAX or place.startswith("-"):
        raise Invalid(
            f"{shown(place)} is no place to notify; write a mail address, a webhook's name or a URL"
        )
    if is_address(place) and not (place.count("@") == 1 and place[0] != "@" and place[-1] != "@"):
        raise Invalid(f"{shown(place)} is no mail address; write for example ada@example.org")


def is_url(place: str) -> bool:
    return "://" in place


def is_address(place: str) -> bool:
    """Whether mail goes there."""
    return "@" in place and not is_url(place)


def joined(words: str | Iterable[str]) -> str:
    """As it is kept: words with commas between them."""
    return ",".join(_words(words)) if isinstance(words, str) else ",".join(words)


def _words(text: str) -> list[str]:
    return [word for one in text.split(",") if (word := one.strip())]
