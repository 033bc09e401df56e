"""Linux signals by name and number. A table of our own: a client on macOS must mean the server's numbers."""

from launchyard.model.errors import Invalid
from launchyard.model.number import is_digits, shown

SIGNAL_MAX = 64

# fmt: off
_NAMES = (
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
    "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
    "WINCH", "IO", "PWR", "SYS",
)
# fmt: on
_NUMBERS = {name: number for number, name in enumerate(_NAMES, start=1)}


def parse_signal(value: str | int) -> int:
    """`USR1`, `SIGUSR1`, `usr1`, `10` or 10 is 10. Raises `Invalid`."""
    text = str(value).strip()
    if is_digits(text):
        if 1 <= int(text) <= SIGNAL_MAX:
            return int(text)
        raise Invalid(f"there is no signal {text}; they are 1 to {SIGNAL_MAX}")
    number = _NUMBERS.get(text.upper().removeprefix("SIG"))
    if number is None:
        raise Invalid(f"there is no signal {shown(text)}. Write for example TERM, INT, USR1 or 10.")
    return number


def signal_name(number: int) -> str:
    """`SIGUSR1` of 10; a real-time signal is its number: `signal 40`."""
    return f"SIG{_NAMES[number - 1]}" if 1 <= number <= len(_NAMES) else f"signal {number}"
