"""scrontab as people and programs call it, against the daemon with its jobs."""

import pwd
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.product import DEFAULT_CONFIG, Product, wait_for
from tests.system.test_slurm_doing import Result, Slurm

TABLE = """\
# mine
WHO=world
#SCRON -J greet -o {directory}/out-%j
0 0 1 1 * echo hello $WHO

@daily true --all
"""


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    directory = tmp_path_factory.mktemp("scrontab")
    product = Product(directory / "s", DEFAULT_CONFIG)
    product.start()
    yield Slurm(product, directory)
    product.destroy()


def table(slurm: Slurm) -> str:
    return TABLE.format(directory=slurm.directory)


def waiting(slurm: Slurm) -> list[str]:
    """Job, name, state, reason and begin time, by id."""
    return sorted(slurm("squeue", "-ho", "%i %j %t %r %S").out.splitlines())


def taken(slurm: Slurm, text: str) -> list[str]:
    done = slurm("scrontab", "-", typed=text)
    assert done == Result(0, "", "")
    return [line.split()[0] for line in waiting(slurm)]


def test_a_table_is_kept_as_it_is_and_its_jobs_wait_for_their_times(slurm: Slurm) -> None:
    user = pwd.getpwuid(0).pw_name if Path.home() == Path("/root") else Path.home().name
    assert slurm("scrontab", "-l") == Result(1, f"no crontab for {user}\n", "")
    file = slurm.directory / "table"
    file.write_text(table(slurm))

    assert slurm("scrontab", str(file)) == Result(0, "", "")

    assert slurm("scrontab", "-l").out == table(slurm)
    year = time.localtime().tm_year + 1
    greet, daily = waiting(slurm)
    assert greet.split()[1:] == ["greet", "PD", "BeginTime", f"{year}-01-01T00:00:00"]
    assert daily.split()[1:4] == ["true", "PD", "BeginTime"]
    shown = slurm("scontrol", "show", "job", greet.split()[0]).out
    assert 'CronJob=Yes CrontabSpec="0 0 1 1 *"' in shown
    assert f"StdOut={slurm.directory}/out-{greet.split()[0]}" in shown
    assert "ScronParameters         = enable" in slurm("scontrol", "show", "config").out
    denied = slurm("scontrol", "update", f"job={greet.split()[0]}", "name=x")
    assert "Cannot modify scrontab jobs through scontrol" in denied.err


def test_a_wrong_line_refuses_the_table_and_is_named(slurm: Slurm) -> None:
    taken(slurm, table(slurm))

    wrong = slurm("scrontab", "-", typed="61 * * * * x\n@daily y\n#SCRON --mem=zz\n@daily z\n0 0 30 2 * z\n")
    refused = slurm("scrontab", "-", typed="@daily y\n#SCRON -p nowhere\n@daily z\n")

    assert (wrong.code, wrong.out) == (1, "There are errors in your crontab.\n")
    assert [line.split(": ")[2] for line in wrong.err.splitlines()] == ["line 1", "lines 3-4", "line 5"]
    assert (refused.code, refused.err) == (1, "")
    assert refused.out.splitlines()[:2] == [
        "There was an issue with the job submission on lines 2-3",
        "The error code return was: Invalid partition name specified",
    ]
    assert slurm("scrontab", "-l").out == table(slurm)
    assert len(waiting(slurm)) == 2


def test_a_table_is_edited_until_it_is_right(slurm: Slurm) -> None:
    taken(slurm, table(slurm))
    editor = slurm.directory / "editor"
    editor.write_text('#!/bin/sh\nif grep -q BAD "$1"; then echo "@hourly z"; else echo "x"; fi >> "$1"\n')
    editor.chmod(0o755)

    nobody = slurm("scrontab", "-e", VISUAL=str(editor))
    unchanged = slurm("scrontab", "-e", VISUAL="true")
    failed = slurm("scrontab", "-e", VISUAL="false")
    done = slurm("scrontab", "-e", VISUAL=str(editor), typed="y\n")

    assert nobody.code == 1
    assert "Do you want to retry the edit? (y/n)" in nobody.out
    assert unchanged == Result(0, "No modification made\n", "")
    assert failed == Result(1, "", "scrontab: fatal: editor returned non-zero exit code\n")
    assert done.code == 0
    assert slurm("scrontab", "-l").out == f"{table(slurm)}#BAD: x\n@hourly z\n"


def test_a_cancelled_job_leaves_a_comment_and_another_table_ends_the_rest(slurm: Slurm) -> None:
    first, second = taken(slurm, "@yearly a\n#SCRON -J b\n@daily b\n")

    assert slurm("scancel", first).code == 0

    assert slurm("scrontab", "-l").out == "#DISABLED: @yearly a\n#SCRON -J b\n@daily b\n"
    assert [line.split()[0] for line in waiting(slurm)] == [second]
    assert second not in taken(slurm, "@daily b\n")
    assert slurm("scrontab", "-r").code == 0
    assert waiting(slurm) == []
    assert slurm("scrontab", "-l").code == 1


def test_a_table_outlives_the_daemon_and_a_site_may_want_cancelling_to_be_said(slurm: Slurm) -> None:
    ids = taken(slurm, table(slurm))

    slurm.product.kill()
    slurm.product.config.write_text(DEFAULT_CONFIG + "[slurm]\nexplicit_scancel = true\n")
    slurm.product.start()

    assert [line.split()[0] for line in waiting(slurm)] == ids
    assert slurm("scrontab", "-l").out == table(slurm)
    refused = slurm("scancel", ids[0])
    assert refused.code != 0
    assert refused.err == (
        f"scancel: error: Kill job error on job id {ids[0]}: "
        "Cannot cancel scrontab jobs without --cron flag.\n"
    )
    assert slurm("scancel", "--cron", ids[0]) == Result(0, "", "")
    assert [line.split()[0] for line in waiting(slurm)] == ids[1:]


@pytest.mark.slow
def test_a_line_runs_each_minute_under_one_id(slurm: Slurm) -> None:
    out = slurm.directory / "each"
    taken(slurm, f"WHO=world\n#SCRON -o {out} --open-mode=append\n* * * * * echo hello $WHO\n")

    def lines() -> list[str]:
        return out.read_text().splitlines() if out.exists() else []

    wait_for(lambda: len(lines()) >= 2 or None, 180, "the line ran twice")

    assert set(lines()) == {"hello world"}
    (row,) = waiting(slurm)
    assert row.split()[2:4] == ["PD", "BeginTime"]
