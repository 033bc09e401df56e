"""Points at which a test may have this very process killed, as a power cut or the kernel would, or late.

`LAUNCHYARD_FAULT="commit-before:3"` kills the process with SIGKILL the third time it passes that point.
`LAUNCHYARD_FAULT="late:50"` makes it pass each point up to 50 ms late: things happen in other orders.
Without the variable a point costs one comparison.
"""

import os
import signal
import time

LATE = "late"

_name, _, _count = os.environ.get("LAUNCHYARD_FAULT", "").partition(":")
_left = int(_count) if _count.isdigit() else 1


def point(name: str) -> None:
    """Pass the point `name`; never returns the time a test asked for."""
    global _left
    if not _name:
        return
    if _name == LATE:
        time.sleep(os.urandom(1)[0] / 255 * _left / 1000)
    if name != _name:
        return
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
