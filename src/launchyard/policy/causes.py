"""Every code that `ly why` gives an ended job, what it means and what helps; made into a page.

A code is stable: programs may rely on it. `tests/tidy/test_pages.py` holds the page to this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """`meaning` is one or two sentences, `help` what to do, in the order in which it is worth trying."""

    meaning: str
    help: str


def _cause(meaning: str, help: str) -> Cause:
    return Cause(meaning=meaning, help=help)


CAUSES: Mapping[str, Cause] = {
    # What the system knows, whatever the log says.
    "completed": _cause("The job ended with exit code 0.", ""),
    "memory": _cause(
        "The job needed more memory than it asked for and was stopped, or a program of it got no more "
        "memory.",
        "Ask for more with `--mem`; the command shown takes twice what it had, rounded. `ly show` has the "
        "peak.",
    ),
    "time": _cause(
        "The job ran into its time limit: SIGTERM, then SIGKILL after the grace time.",
        "Ask for more with `-t`. Where the partition allows no more, let the program save before the end: "
        "`--warn-signal TERM@60s` sends it a signal a minute earlier.",
    ),
    "cancelled": _cause("Somebody cancelled the job; the sentence says who.", "`ly rerun` submits it again."),
    "dependency": _cause(
        "A job that this one was to wait for did not end as asked, so it could never start.",
        "See why the other one failed, rerun that, then this one.",
    ),
    "deadline": _cause(
        "The job could not end before its deadline.", "Submit it with a later one or without."
    ),
    "preempted": _cause(
        "The job made room for a more urgent one.", "`ly rerun`; `--requeue` does it by itself."
    ),
    "node": _cause("The node of the job stopped answering.", "`ly rerun`; `--requeue` does it by itself."),
    "lost": _cause(
        "How the job ended is not known: nothing of ours ran at that moment, or its node was restarted. It "
        "is "
        "never reported as success and never run again by itself.",
        "Look at what it left behind, then `ly rerun`.",
    ),
    "log-full": _cause(
        "The job wrote more to its log than the site allows (`log_cap`) and was stopped.",
        "Let it print less, or name a file of your own with `-o`, which has no cap.",
    ),
    "tasks": _cause("Tasks of an array did not complete.", "`ly why` of one of them says the rest."),
    "start": _cause(
        "The program was never executed; the sentence says which step failed.", "Mend that, then rerun."
    ),
    # Ended by a signal.
    "killed": _cause(
        "A process of the job got SIGKILL, and not from us. The usual sender is the kernel when the whole "
        "machine runs out of memory; a parent process or a person are others.",
        "Ask for more memory, or start fewer worker processes.",
    ),
    "segmentation-fault": _cause(
        "The program used memory that is not its own (SIGSEGV): a fault in it or in a library, a library of "
        "another version than it was built with, or a stack that is too small (`ulimit -s unlimited`).",
        "Under Python, `PYTHONFAULTHANDLER=1` prints the line at which it happens. Else build it with `-g` "
        "and "
        "run it under gdb or valgrind.",
    ),
    "bus-error": _cause(
        "Memory that was mapped is not there any more (SIGBUS): a mapped file became shorter, or `/dev/shm` "
        "or "
        "the disk is full. PyTorch's DataLoader needs `/dev/shm`.",
        "Look at the free space; use fewer DataLoader workers.",
    ),
    "illegal-instruction": _cause(
        "The CPU does not know an instruction of the program (SIGILL): it was built for a newer one.",
        "Build it on this node, without `-march=native` of another, or ask for nodes that have the feature.",
    ),
    "arithmetic": _cause(
        "An impossible calculation (SIGFPE): nearly always a whole number divided by zero.", "Read the log."
    ),
    "aborted": _cause(
        "The program gave up by itself (SIGABRT), as the C library does when its memory is damaged.",
        "Build it with `-fsanitize=address`, or run it under valgrind.",
    ),
    "cpu-time": _cause(
        "The program used the CPU time that `ulimit -t` allows (SIGXCPU).", "Look where the limit is set."
    ),
    "signal": _cause("Another signal ended the job; the sentence names it.", "Find out who sends it."),
    # What is missing.
    "missing-module": _cause(
        "A module, package or class that the program imports is not installed where it runs, or is installed "
        "in another environment than the one that was active at submission.",
        "Install it with the command shown, or activate the right environment and submit from there. Names "
        "of "
        "packages that differ from their module's (`cv2`, `PIL`, `sklearn`) are known.",
    ),
    "missing-file": _cause(
        "A file or directory is not where the program looks. Relative paths begin at the job's directory.",
        "See what is there with the command shown; `ly rerun ID -C DIR` runs it elsewhere.",
    ),
    "command-not-found": _cause(
        "A command is not on the job's PATH. A job has the PATH of the shell it was submitted from.",
        "Install it, load its module, or write its full path.",
    ),
    "interpreter": _cause(
        "The `#!` line of a script names a program that does not exist, the script has the line ends of "
        "Windows, or a file is no program for this machine.",
        "Mend the first line or the line ends with the command shown.",
    ),
    "library-missing": _cause(
        "A shared library that the program was linked with is not found, or is of another version.",
        "Load the module that has it, or set `LD_LIBRARY_PATH`.",
    ),
    "module-not-loaded": _cause(
        "`module` or `conda` is not set up in the script's shell, or does not know what is asked of it. A "
        "batch "
        "script is no login shell, so `~/.bashrc` and `/etc/profile.d` are not read.",
        "Begin the script with `#!/bin/bash -l`, or set it up in the script itself.",
    ),
    "environment": _cause(
        "A variable of the environment is not set, or a run-time is of the wrong version.",
        "Set it in front of `ly rerun`, which takes the variables of your shell along (put the value for "
        "VALUE).",
    ),
    # Rights and room.
    "permission": _cause(
        "A file may not be read, written or executed by the user of the job.",
        "`chmod +x` for a script, else ask who owns it.",
    ),
    "disk-full": _cause(
        "The file system that the job writes to is full, or read-only.",
        "Delete what is not needed, or write elsewhere.",
    ),
    "quota": _cause("Your quota on a file system is used up.", "Delete what is not needed, or ask for more."),
    "io-error": _cause(
        "A disk or a file server does not answer as it should (input/output error, stale file handle).",
        "Tell whoever runs the machine; `ly rerun` when it works again.",
    ),
    "file-size": _cause(
        "A file grew over `ulimit -f` or what its file system allows.", "Write several files."
    ),
    "open-files": _cause(
        "The program has more files and connections open than `ulimit -n` allows.",
        "Close them in the program, or raise the limit up to the hard one.",
    ),
    "processes": _cause(
        "No more processes or threads could be started. Libraries for linear algebra start one for each CPU "
        "of "
        "the whole machine unless they are told.",
        "`OMP_NUM_THREADS` limits most of them.",
    ),
    # GPUs.
    "gpu-memory": _cause(
        "The memory of the GPU is full. `--mem` is the memory of the node and does not help.",
        "More GPUs where the program can share its work, else a smaller batch, or a smaller type of number.",
    ),
    "gpu": _cause(
        "The program sees no GPU, or one that does not work with it. A job that asked for none sees none.",
        "`--gpus 1`; `ly run --gpus 1 -- nvidia-smi` shows driver and GPU.",
    ),
    # Others who have to answer.
    "port-in-use": _cause(
        "Another program listens on the port already; a node is shared.",
        "Let the program choose a free port.",
    ),
    "name-resolution": _cause(
        "A host name has no address: it is misspelt, or the node has no way out.", "Try it on the node."
    ),
    "network": _cause("A connection was refused, not answered or lost.", "Try it on the node; then rerun."),
    "license": _cause("A licence server gave no licence.", "Try later: `--begin now+1hour`."),
    "ray": _cause(
        "The program looks for a Ray cluster, and a job has none unless it asks for one; or it asked, "
        "and its environment has no Ray.",
        "`--ray` starts a cluster on the job's nodes; `--pip 'ray[default]'` brings Ray along.",
    ),
    "communication": _cause(
        "Processes that work together (MPI, NCCL) could not start or talk to each other, or one told all to "
        "stop.",
        "The first message of any of them is the one to read.",
    ),
    # The program itself.
    "syntax-error": _cause(
        "A script cannot be read as its language.", "The command shown checks it without running."
    ),
    "compile": _cause(
        "A compiler, linker or build tool stopped; the line is the first error.", "Mend the source."
    ),
    "assertion": _cause("The program found that something which must hold does not.", "Read the log."),
    "exception": _cause("An error in the program that nobody caught.", "Read the log."),
    "arguments": _cause("The program was called with arguments that it does not take.", "Mend the call."),
    "exit-code": _cause(
        "The program ended with an exit code other than 0, and its log tells nothing that is known. The line "
        "shown is the last that it printed; it need not be the cause.",
        "Read the log.",
    ),
}
