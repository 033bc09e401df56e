"""What is printed when a signal ended a process, by the signal's number (Linux)."""

from launchyard.policy.symptom import Symptom, row

_TRACE = "PYTHONFAULTHANDLER=1 {rerun}"

SIGNALLED: dict[int, Symptom] = {
    4: row(
        "illegal-instruction",
        ("llegal instruction", "SIGILL"),
        r"Illegal instruction|\bSIGILL\b",
        "an instruction that this CPU does not have: the program was built for another one",
        "ly run -- lscpu",
        near=60,
    ),
    6: row(
        "aborted",
        ("Aborted", "SIGABRT"),
        r"(?:^|\s)Aborted\b|\bSIGABRT\b|Fatal Python error: Aborted",
        "it aborted itself (SIGABRT)",
        near=60,
    ),
    7: row(
        "bus-error",
        ("Bus error", "SIGBUS", "bus error"),
        r"[Bb]us error|\bSIGBUS\b",
        "it lost memory that was there (SIGBUS): a mapped file became shorter, or /dev/shm or the disk is "
        "full",
        "df -h /dev/shm {directory}",
        near=60,
    ),
    8: row(
        "arithmetic",
        ("loating point exception", "SIGFPE"),
        r"Floating point exception|\bSIGFPE\b",
        "an impossible calculation (SIGFPE), as a whole number divided by zero",
        near=60,
    ),
    9: row(
        "killed",
        ("Killed", "SIGKILL", "signal 9"),
        r"(?:^|\s)Killed\b|\bSIGKILL\b|[Ss]ignal 9\b",
        "somebody sent it SIGKILL, which we did not; often the machine's memory was full",
        "{more_memory}",
        near=60,
    ),
    11: row(
        "segmentation-fault",
        ("egmentation fault", "SIGSEGV", "segfault", "signal 11", "egmentation violation"),
        r"[Ss]egmentation (?:fault|violation)|\bSIGSEGV\b|\bsegfault\b|[Ss]ignal:? 11\b",
        "it used memory that it does not own (SIGSEGV)",
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
