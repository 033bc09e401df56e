"""Node lists such as `n[1-3,5],m1`: one short text for many names, zero padding kept."""

from launchyard.model.errors import Invalid
from launchyard.model.number import bounded, is_digits, shown

LENGTH_MAX = 256 * 1024
NAMES_MAX = 65_536
WIDTH_MAX = 9

_TRY = "Write for example n1, n[1-3,5] or n[01-16],m1."


def expand(text: str) -> list[str]:
    """The names in the order written. Raises `Invalid`, also for more than `NAMES_MAX` of them."""
    value = bounded(text, "the node list", LENGTH_MAX)
    names: list[str] = []
    for part in _parts(value):
        names.extend(_expand_part(part, value, NAMES_MAX - len(names)))
    return names


def _parts(value: str) -> list[str]:
    """Split at the commas that are not inside brackets."""
    parts, start, inside = [], 0, False
    for position, character in enumerate(value):
        if character in "[]":
            if inside == (character == "["):
                raise Invalid(f"the node list {shown(value)} has a bracket too many. {_TRY}")
            inside = not inside
        elif character == "," and not inside:
            parts.append(value[start:position])
            start = position + 1
    if inside:
        raise Invalid(f"the node list {shown(value)} has a bracket that is not closed. {_TRY}")
    return [*parts, value[start:]]


def _expand_part(part: str, whole: str, room: int) -> list[str]:
    names = [""]
    rest = part.strip()
    if not rest:
        raise Invalid(f"the node list {shown(whole)} has an empty name. {_TRY}")
    while rest:
        text, _, rest = rest.partition("[")
        _check_name(text, part)
        inside, bracket, rest = rest.partition("]")
        numbers = _numbers(inside, part, room) if bracket else [""]
        if len(names) * len(numbers) > room:
            raise Invalid(f"the node list {shown(whole)} names more than {NAMES_MAX} nodes")
        names = [name + text + number for name in names for number in numbers]
    return names


def _check_name(text: str, part: str) -> None:
    for character in text:
        if not (character.isascii() and (character.isalnum() or character in "._-")):
            raise Invalid(
                f"the node name {shown(part)} has a character not used in names: {shown(character)}"
            )


def _numbers(inside: str, part: str, room: int) -> list[str]:
    numbers: list[str] = []
    for span in inside.split(","):
        first, dash, last = span.strip().partition("-")
        last = last if dash else first
        if not is_digits(first) or not is_digits(last) or max(len(first), len(last)) > WIDTH_MAX:
            raise Invalid(
                f"the node list {shown(part)} has a part that is not understood: {shown(span)}. {_TRY}"
            )
        if int(last) < int(first):
            raise Invalid(f"the node range {shown(span)} runs backwards. Write {last}-{first}.")
        if int(last) - int(first) >= room - len(numbers):
            raise Invalid(f"the node list {shown(part)} names more than {NAMES_MAX} nodes")
        width = len(first)
        numbers.extend(f"{number:0{width}}" for number in range(int(first), int(last) + 1))
    return numbers


def compress(names: list[str]) -> str:
    """The shortest list of these names, sorted, each once: `expand` gives the same set back."""
    plain: list[str] = []
    widths: dict[str, set[int]] = {}
    split = {name: _split(name) for name in names}
    for prefix, digits in split.values():
        if len(digits) > 1 and digits[0] == "0":
            widths.setdefault(prefix, set()).add(len(digits))
    groups: dict[tuple[str, int], list[int]] = {}
    for name, (prefix, digits) in split.items():
        if not digits:
            plain.append(name)
            continue
        width = len(digits) if len(digits) in widths.get(prefix, ()) else 0
        groups.setdefault((prefix, width), []).append(int(digits))
    texts = [_group(prefix, width, sorted(numbers)) for (prefix, width), numbers in sorted(groups.items())]
    return ",".join(sorted(plain) + texts)


def _split(name: str) -> tuple[str, str]:
    """Name and trailing digits (at most `WIDTH_MAX` of them)."""
    end = len(name)
    while end and len(name) - end < WIDTH_MAX and name[end - 1].isascii() and name[end - 1].isdigit():
        end -= 1
    return name[:end], name[end:]


def _group(prefix: str, width: int, numbers: list[int]) -> str:
    spans: list[str] = []
    start = 0
    while start < len(numbers):
        end = start
        while end + 1 < len(numbers) and numbers[end + 1] == numbers[end] + 1:
            end += 1
        first, last = f"{numbers[start]:0{width}}", f"{numbers[end]:0{width}}"
        spans.append(first if start == end else f"{first}-{last}")
        start = end + 1
    alone = len(numbers) == 1
    return f"{prefix}{spans[0]}" if alone else f"{prefix}[{','.join(spans)}]"
