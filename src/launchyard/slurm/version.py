"""The version of Slurm that all drop-in commands report, and what follows from it."""

DEFAULT = "23.11.4"

_PARSERS = ((26, 11, 46), (26, 5, 45), (25, 11, 44), (25, 5, 43), (24, 11, 42), (24, 5, 41))
_OLDEST = 40
"""Of JSON with `{set, infinite, number}` and lists of states; we write no older one."""


def parts(version: str) -> tuple[int, int, int]:
    """`23.11.4` as numbers; what is missing is 0."""
    numbers = [int(one) for one in version.split(".") if one.isdigit()]
    major, minor, micro = (*numbers, 0, 0, 0)[:3]
    return major, minor, micro


def data_parser(version: str) -> str:
    """The version of the JSON that goes with it: `v0.0.40` of 23.11."""
    major, minor, _ = parts(version)
    found = next((number for *since, number in _PARSERS if [major, minor] >= since), _OLDEST)
    return f"v0.0.{found}"
