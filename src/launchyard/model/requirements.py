"""Names of packages in the lines by which they are asked for."""

import re
from collections.abc import Iterable

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", re.ASCII)


def name_of(line: str) -> str:
    """The name in its normal form, in which `Scikit_Learn` and `scikit-learn[all]>=1` are one."""
    found = _NAME.match(line)
    return re.sub(r"[-_.]+", "-", found[1].rstrip("._-")).lower() if found else ""


def names_of(lines: Iterable[str]) -> set[str]:
    """Those that lines name; options and paths name none."""
    return {name_of(line) for line in lines} - {""}
