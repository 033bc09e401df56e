"""What is printed when a signal ended a process, by the signal's number (Linux)."""

from launchyard.policy.symptom import Symptom, row

_TRACE = "{trace}"
_BEGIN = r"(?:^|[\d\]] +|[Ss]ignal: |\(|[Ee]rror: )"
"""A shell puts the process id before it, MPI a word."""


SIGNALLED: dict[int, Symptom] = {
    4: row(
        "illegal-instruction",
        ("llegal instruction", "SIGILL"),
        _BEGIN + r"Illegal instruction|\bSIGILL\b",
        "illegal instruction: the program was built for another CPU than this one",
        "ly run -- lscpu",
        near=60,
    ),
    6: row(
        "aborted",
        ("Aborted", "SIGABRT"),
        r"^Aborted(?: \(core dumped\))?$|[\d\]] +Aborted\b|\bSIGABRT\b|Fatal Python error: Aborted",
        "aborted: the program gave up by itself (SIGABRT)",
        near=60,
    ),
    7: row(
        "bus-error",
        ("Bus error", "SIGBUS", "bus error"),
        _BEGIN + r"[Bb]us error|\bSIGBUS\b",
        "bus error: memory went away: a mapped file became shorter, or /dev/shm or the disk is full",
        "df -h /dev/shm {directory}",
        near=60,
    ),
    8: row(
        "arithmetic",
        ("loating point exception", "SIGFPE"),
        _BEGIN + r"Floating point exception|\bSIGFPE\b",
        "floating point exception: an impossible calculation, as a whole number divided by zero",
        near=60,
    ),
    9: row(
        "killed",
        ("Killed", "SIGKILL", "signal 9"),
        r"^Killed$|[\d\]] +Killed\b|\bSIGKILL\b|[Ss]ignal 9\b",
        "killed: it was sent SIGKILL, and not by us{memory_full}",
        "{after_kill}",
        near=60,
    ),
    11: row(
        "segmentation-fault",
        ("egmentation fault", "SIGSEGV", "segfault", "signal 11", "egmentation violation"),
        _BEGIN + r"[Ss]egmentation (?:fault|violation)|\bSIGSEGV\b|\bsegfault at\b|[Ss]ignal:? 11\b",
        "segmentation fault: it used memory that is not its own",
        _TRACE,
        near=200,
        first=True,
    ),
    24: row(
        "cpu-time",
        ("CPU time limit exceeded", "SIGXCPU"),
        r"CPU time limit exceeded|\bSIGXCPU\b",
        "it used all the CPU time that `ulimit -t` allows",
        "ly run -- sh -c 'ulimit -t'",
        near=60,
    ),
    25: row(
        "file-size",
        ("File size limit exceeded", "SIGXFSZ"),
        r"File size limit exceeded|\bSIGXFSZ\b",
        "a file grew over the size that `ulimit -f` allows",
        "ly run -- sh -c 'ulimit -f'",
        near=60,
    ),
}
