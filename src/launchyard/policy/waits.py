"""Every `code` of the reason that a waiting job has: what it means, what to do, and a command that helps.

A code is stable. The page is made from this table; a test fails for a code that is not here.
"""

from collections.abc import Mapping

from launchyard.model.refusals import Entry

_LESS = "Wait, or ask for less; the sentence says whose limit it is."

WAITS: Mapping[str, Entry] = {
    "resources": Entry(
        "CPUs, memory, GPUs or nodes are short; the sentence says how many are held, and by whom.",
        "Wait; `ly why` shows when, and what would start it sooner.",
        "ly why 20",
    ),
    "priority": Entry(
        "There is room, and others come first: to start it would delay one of them.",
        "Ask for less time, so that it fits before them.",
        "ly update 20 -t 1h",
    ),
    "dependency": Entry(
        "It waits for other jobs, as `--after` says. When that can never be any more, the sentence says so.",
        "See how those are.",
        "ly show 20",
    ),
    "begin": Entry("It is not to start before a time.", "Wait, or change it.", "ly update 20 --begin now"),
    "held": Entry(
        "Somebody holds it: you, an administrator, or a restore of a backup.",
        "Release it; what an administrator holds, an administrator releases.",
        "ly release 20",
    ),
    "throttle": Entry("The array runs as many tasks at once as its `%N` allows.", "Wait.", "ly show 20"),
    "retry": Entry(
        "It failed, and is tried again after a pause, as `--retries` says.",
        "See why it failed.",
        "ly logs 20",
    ),
    "suspended": Entry("Somebody has suspended it.", "Let it go on.", "ly resume 20"),
    "yielded": Entry(
        "It stands still to make room for a more urgent job, and goes on by itself.", "Wait.", "ly why 20"
    ),
    "licences": Entry("All licences that it asks for are in use.", "Wait.", "ly why 20"),
    "node-down": Entry(
        "The nodes that it could run on are down, drained or silent.",
        "See them; an operator takes them back.",
        "ly nodes",
    ),
    "engine": Entry(
        "The cluster's engine is silent, or gives a reason of its own.", "Wait; see how it is.", "ly doctor"
    ),
    "starting": Entry("Slurm is making its nodes ready.", "Wait.", "ly why 20"),
    "runtime-env": Entry(
        "Its packages and environment are being set up; the sentence has the step.",
        "Read what the set-up prints.",
        "ly logs --setup 20",
    ),
    "reserved": Entry(
        "Nodes are reserved for others and it would not end before.",
        "Ask for less time.",
        "ly reservations list",
    ),
    "reservation": Entry(
        "Its reservation has not begun, or all of its nodes are in use.", "Wait.", "ly reservations list"
    ),
    "reservation-gone": Entry("Its reservation is over or was removed.", "Submit it without.", "ly rerun 20"),
    "partition-down": Entry(
        "The partition starts no jobs at the moment.", "Wait, or take another.", "ly nodes"
    ),
    "partition-limit": Entry(
        "The partition's limits were changed, and it is beyond them.", "Ask for less.", "ly update 20 -t 1h"
    ),
    "impossible": Entry(
        "Nodes or rules were changed, and no node could hold it any more.",
        "Ask for less.",
        "ly update 20 --mem 4G",
    ),
    "no-partition": Entry("Its partition is not there any more.", "Name another.", "ly update 20 -p main"),
    "no-account": Entry(
        "Its account is not there any more, or you are not in it.", "Submit it to another.", "ly rerun 20"
    ),
    "no-qos": Entry("Its QOS is not there any more.", "Submit it with another.", "ly rerun 20"),
    "account-gone": Entry(
        "Slurm does not know the account that it is charged to.", "Submit it to another.", "ly rerun 20"
    ),
    "qos-gone": Entry("Slurm does not know its QOS.", "Submit it with another.", "ly rerun 20"),
    "limit": Entry("A limit in Slurm holds it; the sentence has Slurm's word.", "Wait.", "ly why 20"),
    "limit-jobs": Entry("So many jobs run at once as may.", "Wait until one has ended.", "ly jobs"),
    "limit-cpus": Entry("All CPUs of a limit are in use.", _LESS, "ly why 20"),
    "limit-memory": Entry("All memory of a limit is in use.", _LESS, "ly why 20"),
    "limit-gpus": Entry("All GPUs of a limit are in use.", _LESS, "ly why 20"),
    "limit-nodes": Entry("All nodes of a limit are in use.", _LESS, "ly why 20"),
    "limit-time": Entry(
        "A limit allows no time limit as long as its own.", "Ask for less.", "ly update 20 -t 1h"
    ),
    "limit-cpu-minutes": Entry(
        "The CPU minutes of a limit are used up, or would be by it.", "Ask for less.", "ly usage"
    ),
    "limit-gpu-minutes": Entry(
        "The GPU minutes of a limit are used up, or would be by it.", "Ask for less.", "ly usage"
    ),
    "limit-waiting": Entry("So many jobs wait as may.", "Wait until some have started.", "ly jobs"),
    "limit-zero-cpu-jobs": Entry(
        "So many jobs without CPUs, which start others and wait, run at once as may.",
        "Wait, or give it a CPU.",
        "ly update 20 -c 1",
    ),
}
