"""What is said of uploaded packages."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageStatus:
    """What is here of a package; `size` is not known before it is `complete`."""

    name: str
    size: int | None
    received: int
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageReceived:
    """How much of a package is here now."""

    received: int
    complete: bool
