"""What of a directory stays behind: patterns as in gitignore(5), of which the last that matches decides.

Pure: texts and paths in, an answer out. Paths are relative, with `/` between their parts.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Pattern(NamedTuple):
    """One line. `anchored`: it is about the whole path below its directory, else about a name anywhere."""

    regex: re.Pattern[str]
    negated: bool
    directories_only: bool
    anchored: bool


class Rules(NamedTuple):
    """The patterns of one file; `base` is the directory that they are about (empty: the root)."""

    base: str
    patterns: tuple[Pattern, ...]

    def ignores(self, path: str, *, directory: bool) -> bool | None:
        """Whether these patterns leave it out (True), take it back in (False), or say nothing (None)."""
        below = path[len(self.base) + 1 :] if self.base else path
        name = path.rpartition("/")[2]
        for pattern in reversed(self.patterns):
            if pattern.directories_only and not directory:
                continue
            if pattern.regex.fullmatch(below if pattern.anchored else name):
                return not pattern.negated
        return None


def ignored(rules: Sequence[Rules], path: str, *, directory: bool) -> bool:
    """Whether `path` is left out by the last of `rules` that says anything about it.

    What is below a directory that is left out is never asked about.
    """
    for one in reversed(rules):
        said = one.ignores(path, directory=directory)
        if said is not None:
            return said
    return False


def parse_rules(lines: Iterable[str], base: str = "") -> Rules:
    """The patterns of a file, or of a list such as `excludes`."""
    patterns = [pattern for line in lines if (pattern := parse_pattern(line)) is not None]
    return Rules(base, tuple(patterns))


def parse_pattern(line: str) -> Pattern | None:
    """None for an empty line, a comment, and what can match nothing."""
    text = _without_trailing_blanks(line.rstrip("\r\n"))
    if not text or text.startswith("#"):
        return None
    negated = text.startswith("!")
    if negated:
        text = text[1:]
    directories_only = text.endswith("/")
    text = text.removesuffix("/")
    anchored = "/" in text
    text = text.removeprefix("/")
    if not text:
        return None
    try:
        return Pattern(re.compile(_regex(text), re.DOTALL), negated, directories_only, anchored)
    except re.error:
        return None


def _without_trailing_blanks(text: str) -> str:
    """Blanks at the end do not count unless a backslash is before them."""
    stripped = text.rstrip(" ")
    return stripped + " " if _escapes_its_end(stripped) and len(stripped) < len(text) else stripped


def _escapes_its_end(text: str) -> bool:
    """Whether the backslash at its end is about what follows, and not one itself."""
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _regex(text: str) -> str:
    """The whole pattern as a regular expression for the whole path."""
    parts = text.split("/")
    made = ""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if not last and _escapes_its_end(part):
            part = part[:-1]
        if len(part) > 1 and not part.strip("*"):
            # Any directories, or none; at the end everything below, and not the directory itself.
            made += "(?s:.+)" if last else "(?:[^/]+/)*"
        else:
            made += _part_regex(part) + ("" if last else "/")
    return made


def _part_regex(part: str) -> str:
    made, position = "", 0
    while position < len(part):
        char = part[position]
        position += 1
        if char == "*":
            while part[position : position + 1] == "*":
                position += 1
            made += "[^/]*"
        elif char == "?":
            made += "[^/]"
        elif char == "\\" and position < len(part):
            made += re.escape(part[position])
            position += 1
        elif char == "[":
            end = _class_end(part, position)
            if not end:
                return "(?!)"
            made += _class_regex(part[position:end])
            position = end + 1
        else:
            made += re.escape(char)
    return made


def _class_end(part: str, start: int) -> int:
    """Where the bracket that opened before `start` closes; 0: nowhere, so the pattern matches nothing."""
    position = start + (part[start : start + 1] in ("!", "^"))
    position += part[position : position + 1] == "]"
    while position < len(part):
        if part.startswith("[:", position) and (close := part.find(":]", position + 2)) > 0:
            position = close + 2
        elif part[position] == "]":
            return position
        else:
            position += 2 if part[position] == "\\" else 1
    return 0


_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "lower": "a-z",
    "upper": "A-Z",
    "space": r"\s",
    "punct": r"!-/:-@\[-`{-~",
    "xdigit": "0-9A-Fa-f",
}


def _class_regex(inner: str) -> str:
    """What stands between brackets; a slash is in no class."""
    negated = inner[:1] in ("!", "^")
    inner = inner[1:] if negated else inner
    made, position = "", 0
    while position < len(inner):
        if inner.startswith("[:", position) and (close := inner.find(":]", position + 2)) > 0:
            made += _CLASSES.get(inner[position + 2 : close], "")
            position = close + 2
            continue
        if inner[position] == "\\" and position + 1 < len(inner):
            position += 1
            made += re.escape(inner[position])
        elif inner[position] == "-" and made and position + 1 < len(inner):
            made += "-"
        else:
            made += re.escape(inner[position])
        position += 1
    if not made:
        return "[^/]" if negated else "(?!)"
    return f"(?!/)[{'^' if negated else ''}{made}]"
