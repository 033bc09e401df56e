"""A site's slurm.conf becomes a configuration that loads, and nothing of it gets lost without a word."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from launchyard import config
from launchyard.cli.native.config import config as command
from launchyard.cli.native.config import written
from launchyard.config import Settings
from launchyard.model.errors import Invalid
from launchyard.model.rules import Order
from launchyard.slurm import conf
from launchyard.slurm.confnames import KNOWN, NAMES, why
from launchyard.slurm.conftoml import Turned, turned

CONTRACT = Path(__file__).parents[1] / "data" / "slurm" / "conf-names.txt"


def read(text: str, include: Callable[[str], str] | None = None, **more: Any) -> tuple[Settings, Turned]:
    found = turned(conf.read(text, "slurm.conf", include), **more)
    return config.check(written(found), "made"), found


def notes_of(found: Turned) -> list[str]:
    return [str(note) for note in found.notes]


NODES = "NodeName=n[1-4] CPUs=8 RealMemory=16000\n"


def test_nodes_come_over_with_their_cpus_memory_gpus_and_features() -> None:
    settings, _ = read(
        "NodeName=DEFAULT Sockets=2 CoresPerSocket=8 ThreadsPerCore=2 RealMemory=256000\n"
        "NodeName=cn[01-02] Feature=ib,new\n"
        "nodename=gn1 CPUS=64 RealMemory=500G Gres=gpu:a100:4(S:0-1)\n"
    )

    first, second, third = settings.nodes
    assert (first.name, first.cpus, first.memory_mib, first.features) == ("cn01", 32, 256000, ("ib", "new"))
    assert second.name == "cn02"
    assert (third.cpus, third.memory_mib, third.gpus, third.gpu_type) == (64, 512000, 4, "a100")


@pytest.mark.parametrize(
    ("line", "visible"),
    [("", True), ("PrivateData=none", True), ("PrivateData=jobs,usage", False), ("PrivateData=all", False)],
)
def test_jobs_are_for_everybodys_eyes_unless_they_are_private(line: str, visible: bool) -> None:
    settings, found = read(NODES + line)

    assert settings.jobs_visible_to_all is visible
    assert any("jobs alone are told apart" in note for note in notes_of(found)) is ("usage" in line)


def test_a_gres_conf_gives_gpus_their_type() -> None:
    settings, _ = read(
        "NodeName=g1 CPUs=8 RealMemory=1000 Gres=gpu:2\n",
        gres="AutoDetect=off\nNodeName=g[1-2] Name=gpu Type=h100 File=/dev/nvidia[0-1]\n",
    )

    assert (settings.nodes[0].gpus, settings.nodes[0].gpu_type) == (2, "h100")


def test_partitions_come_over_with_defaults_lists_and_limits() -> None:
    settings, found = read(
        f"{NODES}NodeSet=half Nodes=n[1-2]\n"
        "PartitionName=DEFAULT MaxTime=2-0 State=UP\n"
        "PartitionName=all Nodes=ALL Default=YES \\\n   DefaultTime=01:00:00\n"
        "PartitionName=some Nodes=half,n4 MaxNodes=2 MinNodes=2 PriorityTier=10 AllowGroups=staff,adm\n"
        "PartitionName=closed Nodes=n1 State=INACTIVE MaxTime=INFINITE DenyQos=slow QOS=fast\n"
    )

    whole, some, closed = settings.rules.partitions.values()
    assert (whole.default, whole.nodes, whole.time_limit_default_s, whole.time_limit_max_s) == (
        True,
        (),
        3600,
        2 * 86_400,
    )
    assert (some.nodes, some.nodes_min, some.nodes_max, some.tier) == (("n1", "n2", "n4"), 2, 2, 10)
    assert (some.groups, some.time_limit_default_s) == (("staff", "adm"), 2 * 86_400)
    assert (closed.state, closed.time_limit_max_s, closed.denied_qos) == ("inactive", None, ("slow",))
    assert closed.default_qos == "fast"
    assert any("PartitionName=closed QOS" in note for note in notes_of(found))


def test_priorities_come_over_with_what_is_not_said_as_zero() -> None:
    settings, _ = read(
        f"{NODES}PriorityType=priority/multifactor\nPriorityWeightAge=500\nPriorityWeightTRES=CPU=10,Mem=20\n"
        "PriorityDecayHalfLife=14-0\nPriorityMaxAge=1-0\nPriorityFavorSmall=YES\n"
        'PartitionName=a Nodes=ALL TRESBillingWeights="CPU=1.0,Mem=0.25G,GRES/gpu=2"\n'
    )
    rules = settings.scheduler

    assert rules.order is Order.MULTIFACTOR
    assert rules.half_life_s == 14 * 86_400
    weights = rules.weights
    assert (weights.age, weights.fairshare, weights.qos, weights.cpus, weights.memory) == (500, 0, 0, 10, 20)
    assert (weights.age_max_s, weights.favor_small) == (86_400, True)
    assert (rules.billing.cpu, rules.billing.memory_gib, rules.billing.gpu, rules.billing.sum) == (
        1,
        0.25,
        2,
        "sum",
    )


def test_licences_bounds_and_the_name_come_over() -> None:
    settings, _ = read(
        f"{NODES}ClusterName=big\nLicenses=matlab:4,ansys\nKillWait=45\nMinJobAge=600\nMaxArraySize=5001\n"
        "ScronParameters=enable,explicit_scancel\n"
    )

    assert settings.licences == {"matlab": 4, "ansys": 1}
    assert settings.grace_s == 45
    assert settings.slurm.explicit_scancel
    assert (settings.slurm.cluster, settings.slurm.min_job_age_s, settings.slurm.max_array_size) == (
        "big",
        600,
        5001,
    )


DUMP = """# To edit this file
Cluster - 'big':Fairshare=1:QOS='normal'
Parent - 'root'
User - 'root':DefaultAccount='root':AdminLevel='Administrator':Fairshare=1
Account - 'physics':Description='lab: one':Organization='lab':Fairshare=10:GrpTRES=cpu=100,gres/gpu=4
Parent - 'physics'
Account - 'solid':Fairshare=2
User - 'alice':DefaultAccount='physics':Fairshare=10:MaxJobs=5:QOS='high,normal':MaxWallDurationPerJob=60
"""


def test_accounts_and_users_come_over_from_a_dump() -> None:
    text = f"{NODES}PartitionName=a Nodes=ALL AllowAccounts=physics,gone\n"
    settings, found = read(text, accounts=("dump", DUMP))
    rules = settings.rules

    physics, alice = rules.accounts["physics"], rules.associations["physics", "alice"]
    assert (physics.shares, physics.limits.cpus_milli, physics.limits.gpus) == (10, 100_000, 4)
    assert rules.accounts["solid"].parent == "physics"
    assert (alice.shares, alice.limits.jobs, alice.per_job.time_limit_s) == (10, 5, 3600)
    assert alice.qos == ("high", "normal")
    assert rules.partitions["a"].accounts == ("physics",)
    assert any("AllowAccounts" in note for note in notes_of(found))


def test_files_are_included_and_their_lines_named() -> None:
    settings, found = read("Include nodes.conf\n", lambda name: f"{NODES}Weightless=1\n")

    assert len(settings.nodes) == 4
    assert notes_of(found) == [
        "nodes.conf, line 2: Weightless: unknown: no parameter of Slurm has this name",
    ]


def test_files_that_include_each_other_for_ever_are_refused() -> None:
    with pytest.raises(Invalid, match="include each other"):
        conf.read("Include a\n", "a", lambda name: "Include a\n")


@pytest.mark.parametrize("name", CONTRACT.read_text().split())
def test_every_known_parameter_is_recognised(name: str) -> None:
    read_conf = conf.read(f"{name.upper()}=1", "slurm.conf")

    assert [setting.known for setting in read_conf.settings] == [True]
    assert why(name)


def test_what_is_left_out_is_named_with_its_line_and_why() -> None:
    _, found = read(
        f"SlurmctldPort=1\n{NODES}PriorityWeigthAge=1\nNodeName=x CPUs=1 RealMemory=10 Weight=4\n"
    )

    port, unknown, weight = notes_of(found)
    assert port.startswith("slurm.conf, line 1: SlurmctldPort: ")
    assert unknown.startswith("slurm.conf, line 3: PriorityWeigthAge: unknown")
    assert unknown.endswith("did you mean PriorityWeightAge?")
    assert weight.startswith("slurm.conf, line 4: NodeName=x Weight: ")


@pytest.mark.parametrize("text", ["word\n", "a b=c\n", 'Name="open\n', "=1\n"])
def test_a_line_that_is_none_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(Invalid, match=r"slurm\.conf, line 2: "):
        conf.read(f"# first\n{text}", "slurm.conf")


VALUES = st.one_of(
    st.sampled_from(
        ["YES", "NO", "ALL", "UNLIMITED", "INFINITE", "0", "1", "-1", "10", "2-0", "1:00:00", "n[1-3]"]
    ),
    st.sampled_from(
        ["gpu:a:2", "gpu:2,nic:1", "normal", "a,b", "4G", "CPU=1,Mem=2", "x" * 80, "n[3-1]", "(null)"]
    ),
    st.integers(-5, 10**13).map(str),
    st.text(
        st.characters(blacklist_characters="\0\n\r\"'#\\ =", blacklist_categories=["Cs"]),
        min_size=1,
        max_size=12,
    ),
)
KEYS = ("CPUs", "Sockets", "RealMemory", "Gres", "Feature", "State", "Weight", "Bogus")
PARTITION_KEYS = (
    *("Nodes", "Default", "MaxTime", "DefaultTime", "PriorityTier", "PriorityJobFactor", "State", "MinNodes"),
    *("MaxNodes", "AllowAccounts", "DenyAccounts", "AllowGroups", "AllowQos", "DenyQos", "QOS"),
    *("TRESBillingWeights", "Bogus"),
)


def line(first: str, names: st.SearchStrategy[str], keys: tuple[str, ...]) -> st.SearchStrategy[str]:
    pairs = st.lists(st.tuples(st.sampled_from(keys), VALUES), max_size=6)
    return st.tuples(names, pairs).map(
        lambda found: " ".join([f"{first}={found[0]}", *(f"{key}={value}" for key, value in found[1])])
    )


LINES = st.one_of(
    line("NodeName", st.sampled_from(["DEFAULT", "n[1-3]", "n2", "g1"]), KEYS),
    line("PartitionName", st.sampled_from(["DEFAULT", "a", "b", "c d".replace(" ", "_")]), PARTITION_KEYS),
    st.tuples(st.sampled_from(NAMES), VALUES).map("=".join),
)


@pytest.mark.long
@given(st.lists(LINES, max_size=12))
def test_every_conf_that_can_be_read_gives_a_configuration_that_loads(lines: list[str]) -> None:
    try:
        found = conf.read("\n".join(lines), "slurm.conf")
    except Invalid:
        return

    config.check(written(turned(found)), "made")


WORDS = st.sampled_from(
    [
        "Fairshare=3",
        "Fairshare=parent",
        "GrpTRES=cpu=4,mem=3G",
        "QOS='+a,b'",
        "DefaultQOS='a'",
        "MaxJobs=x",
        "Odd=1",
    ]
)
DUMPED = st.tuples(
    st.sampled_from(["Parent", "Account", "User", "Cluster", "Junk"]),
    st.sampled_from(["root", "a", "b", "c", "with space"]),
    st.lists(WORDS, max_size=3),
).map(lambda found: ":".join([f"{found[0]} - '{found[1]}'", *found[2]]))


@given(st.lists(DUMPED, max_size=12))
def test_every_dump_gives_accounts_that_load(lines: list[str]) -> None:
    read(NODES, accounts=("dump", "\n".join(lines)))


def test_the_command_writes_what_check_finds_right(tmp_path: Path) -> None:
    source, target = tmp_path / "slurm.conf", tmp_path / "config.toml"
    source.write_text(f"{NODES}SlurmctldPort=1\nInclude more/*.conf\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.conf").write_text("PartitionName=a Nodes=ALL\n")
    made = CliRunner().invoke(command, ["from-slurm", str(source), "-o", str(target)])
    checked = CliRunner().invoke(command, ["check", str(target)])

    assert made.exit_code == 0, made.output
    assert "SlurmctldPort" in target.read_text()
    assert target.stat().st_mode & 0o777 == 0o600
    assert checked.output.endswith("is right: 4 nodes, 1 partitions, 2 qos, 0 accounts.\n")


def test_check_names_the_line_that_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "config.toml"
    wrong.write_text("\n[scheduler]\norder = 'lottery'\n")

    with pytest.raises(Invalid, match=r"config\.toml, line 3: order"):
        CliRunner().invoke(command, ["check", str(wrong)], catch_exceptions=False)


@pytest.mark.long
def test_a_hostile_file_is_read_in_linear_time() -> None:
    lines = ["NodeName=n1 Gres=" + "(" * 200_000, *(f"Odd{number}=1" for number in range(20_000))]

    _, found = read("\n".join(lines))
    assert sum("unknown: " in note for note in notes_of(found)) == 20_000


def test_known_names_are_written_as_slurm_writes_them() -> None:
    assert KNOWN["slurmctldport"] == "SlurmctldPort"
    assert len(NAMES) == len(KNOWN)
