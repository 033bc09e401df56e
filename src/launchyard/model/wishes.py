"""What may be asked of nodes beyond CPUs and memory, and the short texts in which people write it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from launchyard.model.errors import Invalid
from launchyard.model.number import bounded, is_digits, scaled, shown
from launchyard.model.resources import WHOLE_GPU_MILLI

LENGTH_MAX = 4_096
COUNT_MAX = 1_000_000

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.+-]*", re.ASCII)
_LICENCE = re.compile(r"[A-Za-z][A-Za-z0-9_.+@-]*", re.ASCII)
_TRY_GPUS = "Write 2, a100:2, or 0.5 for half of one."
_TRY_NODES = "Write 2, or 2-4."
_TRY_LICENCES = "Write for example matlab or matlab:2,ansys."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """None: nothing is said of it. In an update that leaves it as it is, and an empty one takes it away.

    `nodes_max`, `tasks`, `gpu_milli` ... are those of `model.resources.Request`.
    """

    nodes_max: int | None = None
    tasks: int | None = None
    tasks_per_node: int | None = None
    gpu_type: str | None = None
    gpu_milli: int | None = None
    exclusive: bool | None = None
    constraint: str | None = None
    nodelist: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    licences: tuple[tuple[str, int], ...] | None = None
    reservation: str | None = None


def parse_nodes(text: str) -> tuple[int, int | None]:
    """The fewest and the most nodes: `(2, None)` of `2`, `(2, 4)` of `2-4`. Raises `Invalid`."""
    value = bounded(text, "the number of nodes", 20)
    first, dash, last = value.partition("-")
    if not is_digits(first) or (dash and not is_digits(last)):
        raise Invalid(f"the number of nodes {shown(value)} is not understood. {_TRY_NODES}")
    least, most = int(first), int(last) if dash else None
    if not 0 < least <= COUNT_MAX or (most or 0) > COUNT_MAX:
        raise Invalid(f"the number of nodes {shown(value)} is not between 1 and {COUNT_MAX}. {_TRY_NODES}")
    if most is not None and most < least:
        raise Invalid(f"the nodes {shown(value)} run backwards. Write {most}-{least}.")
    return least, most


def parse_gpus(text: str) -> tuple[str | None, int]:
    """The type (None: any) and the number of GPUs in thousandths: `("a100", 2000)` of `a100:2`.

    A type alone means one of it. Raises `Invalid`.
    """
    value = bounded(text, "the number of GPUs", 100)
    type_, colon, number = value.rpartition(":")
    if not colon and _WORD.fullmatch(value):
        type_, number = value, "1"
    milli = scaled(number, 3)
    if milli is None or milli > COUNT_MAX * WHOLE_GPU_MILLI or (colon and not _WORD.fullmatch(type_)):
        raise Invalid(f"the number of GPUs {shown(value)} is not understood. {_TRY_GPUS}")
    return type_ or None, milli


def parts_of_gpus(milli: int) -> tuple[int, int]:
    """How many GPUs, and how many thousandths of each: `(1, 500)` of half a GPU. Raises `Invalid`."""
    if milli % WHOLE_GPU_MILLI == 0:
        return milli // WHOLE_GPU_MILLI, WHOLE_GPU_MILLI
    if milli > WHOLE_GPU_MILLI:
        raise Invalid(
            f"{milli / WHOLE_GPU_MILLI:g} GPUs asked for; ask for whole ones, or for a part of one like 0.5"
        )
    return 1, milli


def parse_licences(text: str) -> tuple[tuple[str, int], ...]:
    """Licences by name with their number: `matlab:2,ansys`. Raises `Invalid`."""
    counts: dict[str, int] = {}
    for part in bounded(text, "the licences", LENGTH_MAX).split(","):
        name, colon, number = part.strip().partition(":")
        if (colon and not is_digits(number)) or name in counts:
            what = "is named twice" if name in counts else "is not understood"
            raise Invalid(f"the licence {shown(part)} {what}. {_TRY_LICENCES}")
        counts[name] = int(number) if colon else 1
    return checked_licences(counts)


def checked_licences(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """In the order of their names, so that equal wishes are equal. Raises `Invalid`."""
    for name, count in counts.items():
        if not _LICENCE.fullmatch(name):
            raise Invalid(f"the licence {shown(name)} is no name. {_TRY_LICENCES}")
        if not 0 < count <= COUNT_MAX:
            raise Invalid(f"{count} of licence {name} are none; write 1 or more, or leave it out")
    return tuple(sorted(counts.items()))
