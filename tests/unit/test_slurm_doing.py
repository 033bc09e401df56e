"""What scancel, scontrol and sacctmgr understand of their words, and how they show accounts."""

import signal
from typing import Any

import pytest

from launchyard.cli.slurm.accounts.words import split
from launchyard.cli.slurm.control.jobs import reorder
from launchyard.cli.slurm.control.queueing import hear_the_answer
from launchyard.model.points import nice_for
from launchyard.slurm import associationjson
from launchyard.slurm import associations as of
from launchyard.slurm.associationfields import Field, chosen, printed
from launchyard.slurm.errnos import DENIED, HELD, PRIORITY_RESET, sentence_of
from launchyard.slurm.jobnames import read, read_list, words
from launchyard.slurm.limitnames import OF_QOS, tres_text, values_of
from launchyard.slurm.update import Wrong
from launchyard.slurm.update import read as changes

NOW = 1_800_000_000.0


def refs(text: str) -> list[str] | None:
    named = read(text)
    return None if named is None else named.refs


def test_jobs_are_named_by_id_by_task_and_by_ranges_of_tasks() -> None:
    assert refs("12") == ["12"]
    assert refs("12_3") == ["12_3"]
    assert refs("12_[1-3,7]") == ["12_1", "12_2", "12_3", "12_7"]
    assert refs("12_[0-6:3]") == ["12_0", "12_3", "12_6"]
    assert refs("12+0") == ["12"]


def test_a_step_is_named_after_a_point() -> None:
    named = read("12_3.batch")
    assert named is not None
    assert (named.refs, named.step) == (["12_3"], "batch")
    numbered = read("12.0")
    assert numbered is not None
    assert numbered.step == "0"


@pytest.mark.parametrize(
    "text", ["bogus", "0", "12x", "1_2_3", "1.x", "12_[1-", "-3", "", "12_[1-9999999999]"]
)
def test_what_is_no_name_of_a_job_is_told_apart(text: str) -> None:
    assert read(text) is None


def test_a_list_is_divided_outside_of_brackets() -> None:
    assert words("1,2_[3,4],5") == ["1", "2_[3,4]", "5"]
    assert read_list("1,x,2") == "x"


def test_an_exit_code_is_the_last_byte_of_the_number() -> None:
    assert DENIED.code == 210
    assert sentence_of(2017) == "Invalid job id specified"
    assert sentence_of(4) is None


def test_who_puts_its_own_job_back_hears_that_it_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        monkeypatch.delenv("SLURM_JOB_ID", raising=False)
        hear_the_answer()
        assert signal.getsignal(signal.SIGTERM) == before

        monkeypatch.setenv("SLURM_JOB_ID", "7")
        hear_the_answer()
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_an_update_reads_slurms_names_whatever_their_case() -> None:
    change = changes(
        [("timelimit", "1:00:00"), ("Comment", "a b"), ("NumNodes", "2-4"), ("QOS", "high")], NOW
    )
    assert change.body == {
        "time_limit_s": 3600,
        "metadata": {"slurm.comment": "a b"},
        "nodes": 2,
        "nodes_max": 4,
        "qos": "high",
    }


def test_a_time_limit_may_be_more_or_less_than_it_was() -> None:
    assert changes([("TimeLimit", "+10")], NOW).adds_s == 600
    assert changes([("TimeLimit", "-1:00:00")], NOW).adds_s == -3600


def test_a_priority_of_zero_holds_and_another_is_a_number() -> None:
    held, other = changes([("Priority", "0")], NOW), changes([("Priority", "77")], NOW)
    assert (held.hold, held.priority) == (True, None)
    assert (other.hold, other.priority) == (False, 77)


@pytest.mark.parametrize("value", ["-1", "x", "INFINITE", "4294967294", "99999999999"])
def test_what_is_no_priority_is_refused_as_slurm_does(value: str) -> None:
    with pytest.raises(Wrong) as refused:
        changes([("Priority", value)], NOW)
    assert refused.value.lines == (f"scontrol: error: Invalid Priority value: {value}",)


def test_a_wanted_priority_is_reached_by_nice() -> None:
    assert nice_for(5, 3062, 0, "multifactor") == 3057
    assert nice_for(777777, 3062, 10, "multifactor") == 10 - 774715
    assert nice_for(90_200_000, 90_012_993, 0, "default") == -2
    assert nice_for(90_000_000, 90_012_993, 0, "default") == 1
    assert nice_for(7, 7, 3, "default") == 3


class Site:
    """A server with one waiting job, numbered 3062 in the order of Slurm's weights."""

    def __init__(self, *rights: str, held: bool = False) -> None:
        self.told: dict[str, dict[str, Any]] = {
            "/v1/jobs/7": {"id": 7, "state": "PENDING", "held": held, "nice": 3},
            "/v1/me": {"rights": rights},
            "/v1/slurm/config": {"order": "multifactor"},
        }
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def get(self, path: str) -> Any:
        return self.told[path]

    def table(self, name: str, columns: str, **asked: str) -> Any:
        return [[6, 1], [7, 3062]]

    def post(self, path: str, body: dict[str, Any]) -> None:
        self.sent.append((path, body))


def test_the_owner_of_a_job_is_refused_another_priority_in_slurms_words() -> None:
    site = Site("submit")
    assert reorder(site, "7", 100) == PRIORITY_RESET  # type: ignore[arg-type]
    assert reorder(site, "7", 50_000) == DENIED  # type: ignore[arg-type]
    assert reorder(Site("submit", held=True), "7", 100) == HELD  # type: ignore[arg-type]
    assert site.sent == []


def test_an_administrators_priority_becomes_the_nice_that_leads_to_it() -> None:
    site = Site("submit", "act-all")
    assert reorder(site, "7", 5) is None  # type: ignore[arg-type]
    assert site.sent == [("/v1/jobs/7/update", {"nice": 3 + 3057})]


def test_licences_and_gpus_are_read_with_their_counts() -> None:
    assert changes([("Licenses", "matlab:2,ansys")], NOW).body == {"licences": {"matlab": 2, "ansys": 1}}
    assert changes([("Gres", "gpu:a100:2")], NOW).body == {"gpus": 2, "gpu_type": "a100"}


@pytest.mark.parametrize(
    ("pair", "line"),
    [
        (("foo", "1"), "Update of this parameter is not supported: foo=1"),
        (("TimeLimit", "bogus"), "scontrol: error: Invalid TimeLimit value"),
        (("StartTime", "bogus"), "Invalid time specification (pos=0): bogus"),
    ],
)
def test_an_update_that_cannot_be_read_says_so_in_slurms_words(pair: tuple[str, str], line: str) -> None:
    with pytest.raises(Wrong) as raised:
        changes([pair], NOW)
    assert raised.value.lines[0] == line


def test_an_update_of_nothing_says_so() -> None:
    with pytest.raises(Wrong) as raised:
        changes([], NOW)
    assert raised.value.lines == ("No changes specified",)


def test_limits_by_slurms_names_are_keys_of_our_rules() -> None:
    assert values_of(OF_QOS["grptres"], "cpu=8,mem=8G,gres/gpu=2") == {
        "limits.cpus": "8",
        "limits.memory": "8G",
        "limits.gpus": "2",
    }
    assert values_of(OF_QOS["maxwalldurationperjob"], "60") == {"per_job.time_limit": "60m"}
    assert values_of(OF_QOS["maxjobspu"], "-1") == {"per_user.jobs": ""}
    assert tres_text({"cpus": 8.0, "memory": "8GiB", "gpus": 2}) == "cpu=8,mem=8G,gres/gpu=2"


TABLES: dict[str, Any] = {
    "qos": [{"name": "normal"}, {"name": "high", "priority": 1000, "preempts": ["normal"]}],
    "accounts": [
        {"name": "physics", "shares": 3, "limits": {"cpus": 64}, "per_job": {"time_limit": "1-00:00:00"}},
        {"name": "optics", "parent": "physics"},
    ],
    "users": [
        {"name": "alice", "account": "physics", "shares": 10, "default": True, "limits": {"jobs": 5}},
        {"name": "alice", "account": "optics"},
    ],
}
SITE = of.Site(TABLES, "lab", "alice")


def test_associations_are_a_tree_of_accounts_with_their_users() -> None:
    shown = [(row["account"], row["user"], row["share"], row["depth"]) for row in of.associations(SITE)]
    assert shown == [
        ("root", "", "1", "0"),
        ("root", "root", "1", "1"),
        ("physics", "", "3", "1"),
        ("physics", "alice", "10", "2"),
        ("optics", "", "1", "2"),
        ("optics", "alice", "1", "3"),
    ]


def test_limits_of_an_account_are_of_the_group_and_those_of_a_user_its_own() -> None:
    rows = {(row["account"], row["user"]): row for row in of.associations(SITE)}
    assert rows["physics", ""]["grptres"] == "cpu=64"
    assert rows["physics", "alice"]["maxjobs"] == "5"
    assert rows["physics", "alice"]["maxwall"] == "1-00:00:00"


def test_users_are_shown_with_their_default_account() -> None:
    rows = {row["user"]: row for row in of.users(SITE)}
    assert rows["alice"]["defaultaccount"] == "physics"
    assert rows["root"]["admin"] == "Administrator"


def test_json_has_the_lists_and_names_that_programs_look_for() -> None:
    def answer(kind: str, rows: list[of.Row]) -> dict[str, Any]:
        found = associationjson.answer(kind, SITE, rows)
        assert found is not None
        return found

    alice = answer("user", of.users(SITE))["users"][0]
    physics = answer("association", of.associations(SITE))["associations"][2]
    high = answer("qos", of.qos(SITE))["QOS"][1]

    assert (alice["name"], alice["default"]["account"]) == ("alice", "physics")
    assert [one["account"] for one in alice["associations"]] == ["physics", "optics"]
    assert physics["shares_raw"] == 3
    assert physics["max"]["tres"]["total"] == [{"type": "cpu", "name": "", "id": 1, "count": 64}]
    assert physics["max"]["jobs"]["per"]["wall_clock"] == {"set": True, "infinite": False, "number": 1440}
    assert (high["name"], high["priority"]["number"], high["preempt"]["list"]) == ("high", 1000, ["normal"])
    assert answer("account", of.accounts(SITE))["accounts"][0]["name"] == "optics"
    assert answer("cluster", of.clusters(SITE))["clusters"][0]["name"] == "lab"
    assert answer("tres", of.tres(SITE))["TRES"][0]["type"] == "cpu"
    assert associationjson.answer("wckey", SITE, []) is None


def test_where_no_account_is_configured_the_caller_is_in_the_one_of_all() -> None:
    rows = of.associations(of.Site({"qos": [{"name": "normal"}]}, "lab", "ada"))
    assert ("default", "ada") in [(row["account"], row["user"]) for row in rows]


def test_columns_may_be_named_by_their_beginning_and_given_a_width() -> None:
    fields = chosen("association", "user%5,acc%-8,maxsub", associations=False)
    assert fields == [
        Field("user", "User", 5),
        Field("account", "Account", -8),
        Field("maxsubmit", "MaxSubmit", 9),
    ]
    assert chosen("qos", "name,nosuch", associations=False) == "nosuch"


def test_a_list_is_padded_or_divided_by_bars() -> None:
    fields = [Field("user", "User", 6), Field("account", "Account", -8)]
    rows = [{"user": "alice", "account": "a-long-account"}]
    assert printed(fields, rows, header=True, parsable="") == [
        "  User Account  ",
        "------ -------- ",
        " alice a-long-+ ",
    ]
    assert printed(fields, rows, header=False, parsable="|") == ["alice|a-long-account"]
    assert printed(fields, rows, header=True, parsable="||")[0] == "User|Account|"


def test_words_before_set_say_which_and_those_after_it_what() -> None:
    words_ = split(["alice", "where", "account=physics", "set", "fairshare=7", "qos+=high"])
    assert words_.names == ["alice"]
    assert words_.where == [("account", "physics")]
    assert words_.put == [("fairshare", "7"), ("qos", "+high")]
