"""What the value of each option means: into `options` of ours, or into counts of Slurm's to add up later.

Each raises `Invalid` with one sentence.
"""

from collections.abc import Callable

from launchyard.model.errors import Invalid
from launchyard.model.hostlist import expand
from launchyard.model.light import Any
from launchyard.model.memory import parse_memory
from launchyard.model.number import is_digits, scaled, shown
from launchyard.model.signals import parse_signal
from launchyard.model.walltime import UNLIMITED, parse_walltime

NICE_DEFAULT = 100
NICE_MAX = 2_147_483_645
WARNING_BEFORE_S = 60
COUNT_MAX = 10_000_000
RLIMITS = (
    *("ALL", "NONE", "AS", "CORE", "CPU", "DATA", "FSIZE", "MEMLOCK", "NOFILE", "NPROC", "RSS", "STACK"),
)
MAIL_TYPES = (
    *("NONE", "BEGIN", "END", "FAIL", "REQUEUE", "ALL", "INVALID_DEPEND", "STAGE_OUT", "ARRAY_TASKS"),
    *("TIME_LIMIT", "TIME_LIMIT_90", "TIME_LIMIT_80", "TIME_LIMIT_50"),
)

Asked = dict[str, Any]
Counts = dict[str, int]
Reader = Callable[[str, Asked, Counts], None]


def text(key: str) -> Reader:
    def read(value: str, options: Asked, counts: Counts) -> None:
        options[key] = value

    return read


def told(key: str) -> Reader:
    """Of what somebody wants to be told, or where: a key of metadata (`model.notify`)."""

    def read(value: str, options: Asked, counts: Counts) -> None:
        options["metadata"] = {**options.get("metadata", {}), key: value}

    return read


def brought(key: str) -> Reader:
    """What the job brings along from here, to be sent before it; `pip` may be said several times."""

    def read(value: str, options: Asked, counts: Counts) -> None:
        known = options.get("brought", {})
        options["brought"] = {**known, key: (*known.get(key, ()), value) if key == "pip" else value}

    return read


def flag(key: str, wanted: bool) -> Reader:
    def read(value: str, options: Asked, counts: Counts) -> None:
        options[key] = wanted

    return read


def counted(key: str, *totals: str) -> Reader:
    """`totals`: what `#LY` lines said in all and this replaces."""

    def read(value: str, options: Asked, counts: Counts) -> None:
        counts[key] = count(value, least=1)
        for total in totals:
            options.pop(total, None)

    return read


def count(value: str, least: int = 0) -> int:
    digits = value.removeprefix("+")
    if not is_digits(digits) or not least <= int(digits) <= COUNT_MAX:
        raise Invalid(f"{shown(value)} is no number; write for example 4")
    return int(digits)


def typed_count(value: str, options: Asked) -> int:
    """`2` or `a100:2`."""
    type_, colon, number = value.rpartition(":")
    if "," in value:
        raise Invalid(f"{shown(value)} asks for GPUs of several types; ask for one type a job")
    if not colon and value and not is_digits(value):
        type_, number = value, "1"  # a type alone is one of it
    if type_:
        options["gpu_type"] = type_
    return count(number)


def gpus(value: str, options: Asked, counts: Counts) -> None:
    options["gpus"] = typed_count(value, options)


def ly_gpus(value: str, options: Asked, counts: Counts) -> None:
    number = value.rpartition(":")[2]
    if not number.replace(".", "", 1).isdigit() and ":" in value:
        raise Invalid(f"the number of GPUs {shown(value)} is not understood. Write 2, a100:2, or 0.5.")
    options["gpus"] = value


def gpus_a(key: str) -> Reader:
    def read(value: str, options: Asked, counts: Counts) -> None:
        counts[key] = typed_count(value, options)

    return read


def gres(value: str, options: Asked, counts: Counts) -> None:
    """`gpu:2`, `gpu:a100:2`, `gpu`, a node; `none` is none."""
    for part in value.split(","):
        name, colon, rest = part.replace("=", ":", 1).partition(":")
        name = name.removeprefix("gres/")
        if name == "gpu":
            type_, _, last = rest.partition("(")[0].rpartition(":")
            numbered = bool(colon) and is_digits(last)
            counts["gpus_a_node"] = count(last) if numbered else 1
            if word := type_ if numbered else rest:
                options["gpu_type"] = word
        elif name.lower() in ("none", ""):
            counts.pop("gpus_a_node", None)
            options.pop("gpu_type", None)


def tres_per_task(value: str, options: Asked, counts: Counts) -> None:
    """`cpu=2,gres/gpu=1` (a colon also)."""
    for part in value.split(","):
        name, _, rest = part.replace("=", ":").partition(":")
        if name == "cpu":
            counts["cpus_a_task"] = count(rest, least=1)
        elif name.removeprefix("gres/") == "gpu":
            counts["gpus_a_task"] = typed_count(rest, options)
        elif name != "mem" and not name.startswith(("gres/", "license/", "billing")):
            raise Invalid(f"{shown(part)} is no resource of a task; write for example cpu=2,gres/gpu=1")


def nodes(value: str, options: Asked, counts: Counts) -> None:
    """`2`, `2-4`, `1k`; of a list of sizes (`1,3-5:2`) the least and the greatest."""
    sizes = [size(one) for part in value.split(",") for one in part.partition(":")[0].split("-")]
    if any(part.partition(":")[0].count("-") > 1 for part in value.split(",")):
        raise Invalid(f"{shown(value)} is no number of nodes; write 2 or 2-4")
    if sizes[-1] < sizes[0]:
        raise Invalid(f"the nodes {shown(value)} run backwards. Write {sizes[-1]}-{sizes[0]}.")
    options["nodes"] = min(sizes)
    options.pop("nodes_max", None)
    if len(sizes) > 1:
        options["nodes_max"] = max(sizes)


def size(text: str) -> int:
    """A number of nodes, also as `2k`."""
    factor = {"k": 1024, "m": 1024 * 1024}.get(text[-1:].lower(), 1)
    digits = text if factor == 1 else text[:-1]
    if not is_digits(digits) or not 0 < int(digits) * factor <= COUNT_MAX:
        raise Invalid(f"{shown(text)} is no number of nodes; write 2 or 2-4")
    return int(digits) * factor


def nodelist(value: str, options: Asked, counts: Counts) -> None:
    counts["named"] = len(set(expand(value)))
    options["nodelist"] = value


def exclude(value: str, options: Asked, counts: Counts) -> None:
    expand(value)
    options["exclude"] = value


def licences(value: str, options: Asked, counts: Counts) -> None:
    """`matlab:2,ansys`, also with `;` between; which there are is the server's to say."""
    wanted: dict[str, int] = {}
    for part in value.replace(";", ",").split(","):
        name, colon, number = part.strip().partition(":" if ":" in part else "=")
        if (
            not name
            or name[0].isdigit()
            or not name.replace("@", "").replace("_", "").replace("-", "").isalnum()
        ):
            raise Invalid(f"the licence {shown(part)} is not understood. Write for example matlab:2,ansys.")
        wanted[name] = wanted.get(name, 0) + (count(number, least=1) if colon else 1)
    options["licences"] = wanted


def tasks(option: str) -> Reader:
    def read(value: str, options: Asked, counts: Counts) -> None:
        options[option] = count(value)

    return read


def memory(key: str) -> Reader:
    """Of `--mem`, `--mem-per-cpu` and `--mem-per-gpu` the last one counts."""

    def read(value: str, options: Asked, counts: Counts) -> None:
        for other in ("memory_a_node", "memory_a_cpu", "memory_a_gpu"):
            counts.pop(other, None)
        options.pop("memory", None)
        counts[key] = mebibytes(value)

    return read


def mebibytes(value: str) -> int:
    """MiB of `4000`, `4G`, `4000MB`; 0 of a node is all that it has. Raises `Invalid`."""
    if "." in value:
        raise Invalid(f"the memory {shown(value)} is no whole number. Write for example 1500M.")
    if value.strip("0") == "" and value:
        return 0
    return parse_memory(f"{value}M" if is_digits(value) else value)


def ly_memory(value: str, options: Asked, counts: Counts) -> None:
    options["memory"] = 0 if value == "0" else parse_memory(value)


def ly_cpus(value: str, options: Asked, counts: Counts) -> None:
    milli = scaled(value, 3)
    if milli is None or milli > COUNT_MAX * 1000:
        raise Invalid(f"the number of CPUs {shown(value)} is not understood. Write 4, or 0.5 for half a CPU.")
    options["cpus"] = milli / 1000


def time(value: str, options: Asked, counts: Counts) -> None:
    if value.strip("0:-") == "" or value == "-1":
        value = UNLIMITED[0]
    parse_walltime(in_slurms_form(value))
    options["time_limit"] = value


def in_slurms_form(value: str) -> str:
    """Minutes, clocks and days, and the words for no limit."""
    if value.upper() not in UNLIMITED and value.strip("0123456789:-"):
        raise Invalid(f"the time {shown(value)} is not understood. Write 90, 01:30:00 or 1-12:00:00.")
    return value


def ly_time(value: str, options: Asked, counts: Counts) -> None:
    parse_walltime(value)
    options["time_limit"] = value


def time_min(value: str, options: Asked, counts: Counts) -> None:
    if parse_walltime(in_slurms_form(value)) is not None:
        options["time_min"] = value


def partition(value: str, options: Asked, counts: Counts) -> None:
    options["partition"] = value.partition(",")[0]


def nice(value: str, options: Asked, counts: Counts) -> None:
    digits = value.removeprefix("-")
    if value and (not is_digits(digits) or int(digits) > NICE_MAX):
        raise Invalid(f"{shown(value)} is no number; write for example 100")
    options["nice"] = int(value) if value else NICE_DEFAULT


def open_mode(value: str, options: Asked, counts: Counts) -> None:
    if value[:1] not in ("a", "t"):
        raise Invalid(f"{shown(value)} is neither append nor truncate")
    options["append"] = value[0] == "a"


def signal(value: str, options: Asked, counts: Counts) -> None:
    """`[R|B:]signal[@seconds]`: with `B:` for the script alone, else for its steps."""
    flags, colon, rest = value.rpartition(":")
    if colon and flags.upper() not in ("B", "R", "RB", "BR"):
        raise Invalid(f"{shown(flags)} is neither B nor R; write for example B:USR1@60")
    name, at, before = rest.partition("@")
    options["warning_signal"] = parse_signal(name)
    options["warning_before_s"] = count(before) if at else WARNING_BEFORE_S
    options["warning_target"] = "batch" if "B" in flags.upper() else "steps"


def kill_on_invalid_dep(value: str, options: Asked, counts: Counts) -> None:
    if value.lower() not in ("yes", "no"):
        raise Invalid(f"{shown(value)} is neither yes nor no")
    options["keep_on_failed_dependency"] = value.lower() == "no"


def ly_time_min(value: str, options: Asked, counts: Counts) -> None:
    if parse_walltime(value) is not None:
        options["time_min"] = value


def exclusive(value: str, options: Asked, counts: Counts) -> None:
    """Other users' jobs and topologies are not told apart here: alone is alone."""
    if value not in ("", "user", "mcs", "topo", "exclusive"):
        raise Invalid(f"{shown(value)} is neither user, mcs nor topo")
    options["exclusive"] = True


def oneof(*words: str) -> Reader:
    """Kept; the value's first part is one of these."""

    def read(value: str, options: Asked, counts: Counts) -> None:
        if value.lower().replace(":", ",").partition(",")[0].partition("=")[0] not in words:
            raise Invalid(f"{shown(value)} is none of {', '.join(words)}")

    return read


def size_kept(value: str, options: Asked, counts: Counts) -> None:
    mebibytes(value)


def number_kept(value: str, options: Asked, counts: Counts) -> None:
    count(value.partition("@")[0])


def no_kill(value: str, options: Asked, counts: Counts) -> None:
    if value not in ("", "off"):
        raise Invalid(f"{shown(value)} is not off")


def zero_or_one(value: str, options: Asked, counts: Counts) -> None:
    if value not in ("", "0", "1"):
        raise Invalid(f"{shown(value)} is neither 0 nor 1")


def propagate(value: str, options: Asked, counts: Counts) -> None:
    for word in value.upper().split(",") if value else ():
        if word.removeprefix("RLIMIT_") not in RLIMITS:
            raise Invalid(f"{shown(word)} is no resource limit; there are: {', '.join(RLIMITS)}")


def sampling(value: str, options: Asked, counts: Counts) -> None:
    """`task=30,energy=60`, or seconds."""
    for part in value.split(","):
        name, equals, seconds = part.partition("=")
        words = ("task", "energy", "network", "filesystem")
        if not is_digits(seconds if equals else part) or (equals and name.lower() not in words):
            raise Invalid(f"{shown(part)} is no interval; write for example task=30")


def mail_type(value: str, options: Asked, counts: Counts) -> None:
    for word in value.split(","):
        if word.strip().upper() not in MAIL_TYPES:
            raise Invalid(f"{shown(word)} is no kind of mail; there are: {', '.join(MAIL_TYPES)}")


def ray(value: str, options: Asked, counts: Counts) -> None:
    """A Ray cluster of its own, asked for by a key of metadata."""
    options["metadata"] = {**options.get("metadata", {}), "launchyard.ray": "true"}


def comment(value: str, options: Asked, counts: Counts) -> None:
    options["metadata"] = {**options.get("metadata", {}), "comment": value}


def environment(value: str, options: Asked, counts: Counts) -> None:
    name, equals, text = value.partition("=")
    if not name or not equals:
        raise Invalid(f"{shown(value)} names no value; write NAME=VALUE")
    options["environment"] = {**options.get("environment", {}), name: text}
