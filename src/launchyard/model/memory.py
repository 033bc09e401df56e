"""Amounts of memory: `4G`, `4000M`, `0.5T`, `8 GiB`. Units are binary (as in Slurm) and never guessed."""

from launchyard.model.errors import Invalid
from launchyard.model.number import bounded, scaled, shown

LENGTH_MAX = 40
MEMORY_MAX_MIB = 1 << 44

_PLACES = 6
_SCALE = 1_000_000
_QUARTERS = ("", ".25", ".5", ".75")
_KIB = {"K": 1, "M": 1 << 10, "G": 1 << 20, "T": 1 << 30, "P": 1 << 40}
_TRY = "Write a number and K, M, G or T: 4000M, 4G, 0.5T."


def parse_memory(text: str) -> int:
    """MiB, rounded up. `K M G T P`, also `KB`, `KiB`..., in either case; raises `Invalid`.

    A bare number is refused: half of those who write it mean GiB.
    """
    value = bounded(text, "the memory", LENGTH_MAX)
    number, unit = _split(value)
    amount = scaled(number, _PLACES)
    if amount is None:
        raise Invalid(f"the memory {shown(value)} has no number that is understood: {shown(number)}. {_TRY}")
    if not unit:
        raise Invalid(f"{shown(value)}: {number} MiB? write {number}M or {number}G")
    if unit not in _KIB:
        raise Invalid(f"the memory {shown(value)} has an unknown unit: {shown(unit)}. {_TRY}")
    if amount == 0:
        raise Invalid(f"the memory {shown(value)} is zero. {_TRY}")
    mib = -(-amount * _KIB[unit] // (1024 * _SCALE))
    if mib > MEMORY_MAX_MIB:
        raise Invalid(f"the memory {shown(value)} is more than any machine has. {_TRY}")
    return mib


def _split(value: str) -> tuple[str, str]:
    """Number and unit letter: `("8", "G")` of `8 GiB`, `("4", "")` of `4`, an unknown unit as it is."""
    end = len(value)
    while end and value[end - 1].isalpha():
        end -= 1
    number, unit = value[:end].rstrip(), value[end:].upper()
    if unit[:1] in _KIB and unit[1:] in ("", "B", "IB"):
        unit = unit[0]
    return number, unit


def format_memory(mib: int) -> str:
    """Exact, and read back by `parse_memory`: `8 GiB`, `1.5 GiB`, `1025 MiB`."""
    for unit, size in (("TiB", 1 << 20), ("GiB", 1 << 10)):
        if mib >= size and mib * 4 % size == 0:
            return f"{mib // size}{_QUARTERS[mib * 4 // size % 4]} {unit}"
    return f"{mib} MiB"


def humane_memory(mib: float) -> str:
    """For a sentence, rounded as a person would say it: `31 GiB`, `1.5 GiB`, `340 MiB`, `0.4 MiB`."""
    for unit, size in (("TiB", 1 << 20), ("GiB", 1 << 10), ("MiB", 1)):
        if mib >= size:
            amount = mib / size
            return f"{amount:.0f} {unit}" if amount >= 10 else f"{amount:.1f} {unit}".replace(".0 ", " ")
    return f"{mib:.1f} MiB" if mib else "0 MiB"
