"""The daemon, killed at one statement of the upgrade of its database, the LAUNCHYARD_TEST_STATEMENTth."""

import os
import signal
import sys

import sqlalchemy as sa

from launchyard import daemon

_left = int(os.environ["LAUNCHYARD_TEST_STATEMENT"])


def _count(*_: object) -> None:
    global _left
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sa.event.listen(sa.Engine, "before_cursor_execute", _count)
    sys.exit(daemon.main())
