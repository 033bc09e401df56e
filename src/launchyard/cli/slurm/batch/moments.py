"""--begin and --deadline: all forms of time that Slurm reads, in the caller's time zone."""

import time

from launchyard.model.errors import Invalid
from launchyard.model.when import parse_begin, rfc3339
from launchyard.sdk.submission import local_zone
from launchyard.slurm.moments import BadMoment, parse_moment


def rfc3339_of(text: str) -> str:
    """Raises `Invalid`."""
    now = time.time()
    try:
        return rfc3339(parse_begin(text, now, local_zone()))
    except Invalid as error:
        try:
            return rfc3339(parse_moment(text, now))
        except BadMoment:
            raise error from None
