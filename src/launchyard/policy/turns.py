"""Bringing a job to the front of its own user's queue: the places stay, who has which is changed.

Nobody else's job moves: the user's jobs only exchange their places among themselves, so there is nothing to
be gained over others.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from launchyard.model.job import Job
from launchyard.policy.order import Key

KeyOf = Callable[[Job], Key]


def to_front(job: Job, others: Sequence[Job], key_of: KeyOf) -> list[Job]:
    """`job` in the place of the first of `others` that stands before it, and each of these in the next one's.

    Tier and band are not exchanged: only jobs that agree in them take part. Empty: it is first already.
    """
    mine = key_of(job)
    before = sorted((key_of(one), one.id, one) for one in others if one.id != job.id)
    ahead = [(key, one) for key, _, one in before if key[:2] == mine[:2] and key < mine]
    places = [*(key for key, _ in ahead), mine]
    line = [job, *(one for _, one in ahead)]
    if not ahead:
        return []
    return [_moved(one, key_of(one), place) for one, place in zip(line, places, strict=True)]


def _moved(job: Job, own: Key, place: Key) -> Job:
    """The job as one that stands where the key `place` is."""
    _, _, nice, value, turn = place
    return replace(job, nice=int(nice), shift=_shift(own[3] - job.shift, value), turn=int(turn))


def _shift(base: float, wanted: float) -> float:
    """What added to `base` gives `wanted` to the last bit, which decides where values are equal."""
    shift = wanted - base
    for _ in range(8):
        if base + shift == wanted:
            break
        shift = math.nextafter(shift, math.inf if base + shift < wanted else -math.inf)
    return shift
