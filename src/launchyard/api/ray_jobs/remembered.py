"""What is remembered from one request of Ray's clients to the next."""

from dataclasses import dataclass, field

from launchyard.api.ray_jobs.outlooks import Outlooks
from launchyard.api.ray_jobs.tails import Tails


@dataclass(frozen=True, slots=True)
class Remembered:
    """Bounded, and none of it needed: what is not there is read again."""

    tails: Tails = field(default_factory=Tails)
    outlooks: Outlooks = field(default_factory=Outlooks)
