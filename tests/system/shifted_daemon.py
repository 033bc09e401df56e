"""The daemon with a wall clock of its own: off by the seconds that the file LAUNCHYARD_TEST_CLOCK names.

What a test sets is seen at the next look at the clock, as when somebody sets the machine's: the clock of the
machine itself is never touched.
"""

import os
import sys
import time
from pathlib import Path

from launchyard import daemon

_real_time = time.time
_offset = Path(os.environ["LAUNCHYARD_TEST_CLOCK"])


def _shifted() -> float:
    return _real_time() + float(_offset.read_text())


if __name__ == "__main__":
    time.time = _shifted
    sys.exit(daemon.main())
