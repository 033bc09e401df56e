"""The daemon that lets sessions be stopped after a second without use, for tests that see it happen."""

import sys

from launchyard import daemon
from launchyard.api import starting

if __name__ == "__main__":
    starting.IDLE_STOP_MIN_S = 1
    sys.exit(daemon.main())
