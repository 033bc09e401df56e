"""Memory, disks and the other things that a machine runs out of."""

from launchyard.policy.symptom import row

_NEAR = 300
_MORE = "{more_memory}"
_DISK = "df -h {path_or_directory}"

MEMORY = (
    row(
        "memory",
        ("MemoryError: Unable to allocate",),
        r"MemoryError: Unable to allocate (?P<wanted>[\d.]+ [KMGTPE]i?B)",
        "out of memory: {wanted} more were wanted; the job asked for {memory}",
        _MORE,
        near=_NEAR,
    ),
    row(
        "memory",
        "MemoryError",
        r"^(?:[\w.]+\.)?_?(?:Array)?MemoryError\b",
        "out of memory: Python got no more; the job asked for {memory}",
        _MORE,
        near=_NEAR,
    ),
    row(
        "memory",
        ("bad_alloc", "bad_array_new_length"),
        r"std::bad_(?:alloc|array_new_length)",
        "out of memory: a C++ program got no more (std::bad_alloc); the job asked for {memory}",
        _MORE,
        first=True,
        near=_NEAR,
    ),
    row(
        "processes",
        ("unable to create native thread", "unable to create new native thread"),
        r"OutOfMemoryError: unable to create (?:new )?native thread",
        "no more threads or processes can be started",
        "OMP_NUM_THREADS=1 {rerun}",
        near=_NEAR,
    ),
    row(
        "memory",
        ("java.lang.OutOfMemoryError", "There is insufficient memory for the Java", "object heap"),
        r"java\.lang\.OutOfMemoryError: ?(?P<text>[A-Z][\w ]{0,60})|insufficient memory for the Java Runtime"
        r"|(?P<space>Could not reserve enough space for .{1,40}object heap)",
        "out of memory in Java: {text}{space}",
        "{java_memory}",
        near=2000,
    ),
    row(
        "memory",
        ("JavaScript heap out of memory", "Fatal process OOM"),
        r"JavaScript heap out of memory|^# Fatal process OOM",
        "out of memory: the heap of Node.js is full",
        "{node_memory}",
        near=_NEAR,
    ),
    row(
        "memory",
        ("cannot allocate vector of", "cannot allocate memory block", "vector memory exhausted"),
        r"(?:cannot allocate (?:vector|memory block) of (?:size|length) (?P<wanted>[\d.]+(?: [KMGT]b)?)"
        r"|vector memory exhausted)",
        "out of memory: R wanted {wanted} more; the job asked for {memory}",
        _MORE,
        near=_NEAR,
    ),
    row(
        "memory",
        ("OutOfMemoryError()", "memory allocation of ", "runtime: out of memory"),
        r"OutOfMemoryError\(\)|memory allocation of \d+ bytes failed|runtime: (?:VirtualAlloc|out of memory)",
        "out of memory: the program got no more; the job asked for {memory}",
        _MORE,
        near=_NEAR,
    ),
    row(
        "memory",
        ("oom-kill", "oom_kill", "Out of memory: Killed", "emory cgroup out of memory"),
        r"(?i)oom[-_]kill|out of memory: killed process|memory cgroup out of memory",
        "out of memory: the kernel killed a process of it; the job asked for {memory}",
        _MORE,
        near=_NEAR,
    ),
    row(
        "memory",
        ("DataLoader worker", "Killed signal terminated program", "TerminatedWorkerError"),
        r"DataLoader worker .{1,60}(?:is killed by signal: Killed|exited unexpectedly)"
        r"|Killed signal terminated program"
        r"|TerminatedWorkerError",
        "out of memory: a worker process was killed, as when memory is full; the job asked for {memory}",
        _MORE,
        near=_NEAR,
    ),
    row(
        "memory",
        ("annot allocate memory", "ot enough memory", "virtual memory exhausted", "Insufficient virtual"),
        r"[Cc]annot allocate memory|^.{0,80}\b[Nn]ot enough memory\b|virtual memory exhausted"
        r"|[Ii]nsufficient virtual memory",
        "out of memory: the program got no more; the job asked for {memory}",
        _MORE,
        near=60,
    ),
    row(
        "memory",
        ("Error allocating", "Out of memory"),
        r"^Error allocating \d+ bytes|^Out of memory\b|^(?:Error: )?Out of memory[.!]?$",
        "out of memory: the program got no more; the job asked for {memory}",
        _MORE,
        near=60,
    ),
)

STORAGE = (
    row(
        "bus-error",
        "DataLoader worker",
        r"DataLoader worker .{1,60}is killed by signal: Bus error",
        "bus error in a DataLoader worker: /dev/shm is full",
        "df -h /dev/shm",
        near=_NEAR,
    ),
    row(
        "io-error",
        ("nput/output error", "tale file handle", "Transport endpoint is not connected", "Remote I/O error"),
        r"[‘'\"](?P<path>/[^’'\"]{1,300})[’'\"].{0,5}(?P<text>[Ii]nput/output error|[Ss]tale file handle)",
        "the file system of {path} does not work: {text}",
        _DISK,
        near=60,
    ),
    row(
        "io-error",
        ("nput/output error", "tale file handle", "Transport endpoint is not connected", "Remote I/O error"),
        r"(?P<text>[Ii]nput/output error|[Ss]tale file handle|Transport endpoint is not connected"
        r"|Remote I/O error)"
        r"(?:: ['\"](?P<path>[^'\"]{1,300})['\"])?",
        "a file system does not work: {text}",
        _DISK,
        near=60,
    ),
    row(
        "quota",
        ("Disk quota exceeded", "EDQUOT"),
        r"[‘'\"](?P<path>/[^’'\"]{1,300})[’'\"].{0,5}Disk quota exceeded",
        "the disk quota is used up: {path} cannot be written",
        "quota -s",
        near=_NEAR,
    ),
    row(
        "quota",
        ("uota exceeded", "EDQUOT"),
        r"(?i)disk quota exceeded|\bEDQUOT\b",
        "the disk quota is used up",
        "quota -s",
        near=_NEAR,
    ),
    row(
        "disk-full",
        "No space left on device",
        r"[‘'\"](?P<path>/[^’'\"]{1,300})[’'\"][^/]{0,20}No space left on device",
        "the disk is full: {path} cannot be written",
        _DISK,
        near=_NEAR,
    ),
    row(
        "disk-full",
        "No space left on device",
        r"No space left on device(?:[:,] ?(?:\w+ )?[‘'\"](?P<path>[^’'\"]{1,300})[’'\"])?",
        "the disk is full{to_path}",
        _DISK,
        near=_NEAR,
    ),
    row(
        "disk-full",
        ("ENOSPC", "disk is full", "disk full", "Errno 28"),
        r"\bENOSPC\b|database or disk is full|^.{0,40}\bdisk full\b|\[Errno 28\]",
        "the disk is full",
        _DISK,
        near=_NEAR,
    ),
    row(
        "file-size",
        ("File size limit exceeded", "File too large", "EFBIG"),
        r"File size limit exceeded|(?:\[Errno 27\] |: )File too large|\bEFBIG\b",
        "file too large: it grew over the size that is allowed",
        near=60,
    ),
    row(
        "open-files",
        ("oo many open files", "EMFILE"),
        r"(?i)too many open files|\bEMFILE\b",
        "too many open files",
        "{more_files}",
        near=_NEAR,
    ),
    row(
        "processes",
        ("can't start new thread", "pthread_create", "fork: ", "Cannot fork", "unable to fork"),
        r"can't start new thread|pthread_create(?:\(\))? failed|pthread_create.{0,60}Resource temporarily"
        r"|fork: (?:retry: )?Resource temporarily|(?:Cannot|unable to) fork",
        "no more threads or processes can be started",
        "OMP_NUM_THREADS=1 {rerun}",
        near=60,
    ),
)
