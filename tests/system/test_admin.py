"""`ly admin` and `ly usage`: rules that hold at once and after a kill, and usage that is charged once."""

import contextlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from launchyard.model.when import parse_rfc3339
from tests.system.ly import ly
from tests.system.product import DEFAULT_CONFIG, PATIENCE_S, Product, Refused, wait_for

RULES = """
[[accounts]]
name = "physics"
everyone = true
limits = { cpus = 1 }
"""


def test_rules_hold_at_once_survive_a_kill_and_a_reload_until_they_are_taken_back(
    make_product: Callable[..., Product], tmp_path: Path
) -> None:
    product = make_product(DEFAULT_CONFIG + RULES)
    product.start()
    first = product.submit(["sleep", "600"])
    second = product.submit(["sleep", "600"])
    product.until(first, "RUNNING")
    assert product.job(second)["reason"] == "waits because account physics uses 1 of 1 CPUs"

    assert ly(product.state, "admin", "set", "account", "physics", "cpus=2").out == (
        "Account physics is changed.\n"
    )
    product.until(second, "RUNNING")

    product.kill()
    product.start()
    third = product.submit(["sleep", "600"])
    assert product.job(third)["reason"] == "waits because account physics uses 2 of 2 CPUs"
    assert ly(product.state, "admin", "show").out.startswith(
        "# In force, from the configuration file but for what ly admin changed, which goes before it:\n"
        "#   account physics: limits.cpus\n"
    )

    product.config.write_text(product.config.read_text().replace("limits = { cpus = 1 }", "shares = 7"))
    os.kill(product.pid, signal.SIGHUP)

    def read_again() -> bool:
        return "shares = 7" in ly(product.state, "admin", "show").out

    wait_for(read_again, PATIENCE_S, "the file was read again")
    assert product.job(third)["reason"] == "waits because account physics uses 2 of 2 CPUs"
    product.kill()
    product.start()
    assert read_again()
    assert product.job(third)["reason"] == "waits because account physics uses 2 of 2 CPUs"
    product.config.write_text(product.config.read_text().replace("shares = 7", "limits = { cpus = 1 }"))

    wrong = tmp_path / "rules.toml"
    wrong.write_text('[scheduler]\norder = "ffo"\n[[accounts]]\nname = "other"\n')
    refused = ly(product.state, "admin", "apply", str(wrong))
    assert refused.code != 0
    assert refused.err.startswith('ly: rules.toml, line 2: order = "ffo" is not one of default, fifo')
    assert "physics" in ly(product.state, "admin", "show").out, "a wrong one changes nothing"

    wrong.write_text('[[accounts]]\nname = "other"\neveryone = true\n')
    assert ly(product.state, "admin", "apply", str(wrong)).out == "The rules are in force.\n"
    assert product.job(third)["reason"].startswith("waits for account physics, which is not there any more")
    assert "root may use: other" in ly(product.state, "submit", "--account", "physics", "--", "x").err

    assert ly(product.state, "admin", "reload").out == (
        "The rules of the configuration file are in force but for what ly admin changed (ly admin show).\n"
    )
    assert product.job(third)["reason"].startswith("waits for account physics, which is not there any more")
    assert ly(product.state, "admin", "reload", "--forget").out == (
        "The rules of the configuration file are in force.\n"
    )
    assert product.job(third)["reason"] == "waits because account physics uses 2 of 1 CPUs"
    for job in (first, second, third):
        ly(product.state, "cancel", str(job))


@pytest.mark.parametrize(
    "fault",
    [
        *(pytest.param(one, marks=pytest.mark.slow) for one in ("commit-before", "acknowledge")),
        "commit-after",
    ],
)
def test_usage_is_charged_once_whenever_the_daemon_dies(
    make_product: Callable[..., Product], fault: str
) -> None:
    product = make_product(DEFAULT_CONFIG + RULES)
    product.start()
    job = product.submit("while ! test -e go; do sleep 0.1; done", working_dir=str(product.state.parent))
    product.until(job, "RUNNING")
    product.kill()

    with contextlib.suppress(Refused):
        # What is charged at the first look may be committed before it says that it is ready.
        product.start(fault=fault)
    (product.state.parent / "go").touch()
    wait_for(lambda: not product.running(), 60, "the death of the daemon")
    product.start()
    ended = product.until(job, "COMPLETED")

    seconds = parse_rfc3339(ended["ended_at"]) - parse_rfc3339(ended["started_at"])
    usage = json.loads(ly(product.state, "usage", "--user", "root", "--json").out)["usage"]
    assert [row["account"] for row in usage] == ["physics"]
    assert usage[0]["cpu_hours"] * 3600 == pytest.approx(seconds, abs=0.05)
    assert "physics" in ly(product.state, "usage").out
