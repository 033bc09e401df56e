"""Sweeps as jobs: one array in one group; some combinations by chance. `model.sweep` says what a sweep is."""

import random
from collections.abc import Sequence
from typing import Any, cast

from launchyard.model.array import format_indexes, normalised
from launchyard.model.errors import Invalid
from launchyard.model.sweep import METADATA_KEY, Sweep, every
from launchyard.sdk.submission import JobOptions, job_body


def sweep_body(command: Sequence[str], sweep: Sweep, options: JobOptions) -> dict[str, Any]:
    """The body of `POST /v1/jobs` for all tasks as one array in one group."""
    given = {name: value for name, value in options.items() if value is not None}
    called = given.get("name") or "-".join(("sweep", *(one.name for one in sweep.parameters)))[:64]
    kept = {**dict(options.get("metadata") or {}), METADATA_KEY: sweep.metadata()}
    own = {"array": every(sweep), "group": called, **given, "name": called, "metadata": kept}
    return job_body(None, cast(JobOptions, own), script=sweep.script(command))


def sample(sweep: Sweep, count: int, chance: random.Random) -> str:
    """`count` combinations by chance, as the indexes of an array."""
    if not 1 <= count <= sweep.count:
        raise Invalid(f"--sample {count}: the sweep has {sweep.count} combinations")
    chosen = chance.sample(range(sweep.count), count)
    return format_indexes(normalised((index, index, 1) for index in chosen))
