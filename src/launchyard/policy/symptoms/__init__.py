"""What programs print when they fail, as tables in order of strength; the first row that a log has is named.

`RESOURCES` goes before a Python traceback, `LANGUAGES` and the rest after it. `SHELL_127` and `SHELL_126` are
what those exit codes of a shell mean, `SIGNALLED` what is printed when a signal ended a process.
"""

from launchyard.policy.symptoms.communication import COMMUNICATION
from launchyard.policy.symptoms.compilers import COMPILERS
from launchyard.policy.symptoms.gpu import GPU
from launchyard.policy.symptoms.languages import BARE_EXCEPTION, EXCEPTIONS, LANGUAGES, UNKNOWN
from launchyard.policy.symptoms.machine import MEMORY, STORAGE
from launchyard.policy.symptoms.shell import (
    COMMANDS,
    FILES,
    INTERPRETERS,
    LIBRARIES,
    SETUP,
    SHELL_126,
    SHELL_127,
)
from launchyard.policy.symptoms.signals import SIGNALLED
from launchyard.policy.symptoms.start import START

RESOURCES = (*GPU, *MEMORY, *STORAGE)
EXCEPTION_LINE = (*RESOURCES, *LIBRARIES, *EXCEPTIONS, *COMMUNICATION)
"""For the line that names a Python exception."""
REST = (
    *LIBRARIES,
    *SETUP,
    *LANGUAGES,
    *COMPILERS,
    *COMMUNICATION,
    *INTERPRETERS,
    *COMMANDS,
    *FILES,
    *SIGNALLED.values(),
    *UNKNOWN,
)

TABLES = {
    "GPU": GPU,
    "MEMORY": MEMORY,
    "STORAGE": STORAGE,
    "LIBRARIES": LIBRARIES,
    "EXCEPTIONS": EXCEPTIONS,
    "LANGUAGES": LANGUAGES,
    "UNKNOWN": UNKNOWN,
    "COMPILERS": COMPILERS,
    "COMMUNICATION": COMMUNICATION,
    "SETUP": SETUP,
    "FILES": FILES,
    "SHELL_126": SHELL_126,
    "SHELL_127": SHELL_127,
    "SIGNALLED": tuple(SIGNALLED.values()),
    "START": START,
}
"""Every table by name: the tests go through all rows."""

__all__ = [
    "BARE_EXCEPTION",
    "EXCEPTION_LINE",
    "MEMORY",
    "RESOURCES",
    "REST",
    "SHELL_126",
    "SHELL_127",
    "SIGNALLED",
    "START",
    "TABLES",
    "UNKNOWN",
]
