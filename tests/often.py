"""How often a test repeats itself: often enough to notice in `make test`, many times in `make test-all`."""

import os

THOROUGH = os.environ.get("LAUNCHYARD_THOROUGH") == "1"


def often(core: int, thorough: int) -> int:
    """The number of repeats that this run has time for."""
    return thorough if THOROUGH else core
