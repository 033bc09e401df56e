"""Rules and configuration of a server that root started, and that is a system user by then.

Who may change them, what holds after SIGHUP and a restart, and a file that is closed to the server.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.system.accounts import account
from tests.system.ly import LY, Result, ly, variables
from tests.system.person import ADA, LI, Person, for_all, served
from tests.system.product import PATIENCE_S, Product, wait_for

pytestmark = pytest.mark.root

OPERATOR = "lytest3"
ADMINISTRATOR = "lytest5"
RULES = f"""
[[roles]]
name = "operator"
users = ["{OPERATOR}"]
[[roles]]
name = "administrator"
users = ["{ADMINISTRATOR}"]
[[accounts]]
name = "physics"
everyone = true
limits = {{ cpus = 1 }}
"""
CHANGE = ("admin", "set", "account", "physics", "cpus=2")


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with served(for_all() + RULES) as one:
        one.config.chmod(0o644)
        yield one


def as_user(name: str, product: Product, *words: str) -> Result:
    """`ly` as this user has it, by the server's socket."""
    entry = account(name)
    done = subprocess.run(
        [*LY, *words],
        env={**variables(product.state), "HOME": entry.pw_dir, "USER": name},
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def read_again(product: Product) -> None:
    """SIGHUP, and the word that it was heeded."""
    log = product.state / "daemon" / "daemon.log"
    before = log.read_text().count("is in force")
    os.kill(product.pid, signal.SIGHUP)
    wait_for(lambda: log.read_text().count("is in force") > before, PATIENCE_S, "the file read again")


def test_an_administrator_who_is_not_root_changes_a_limit_and_it_stays(product: Product) -> None:
    ada = Person(product, ADA)
    first, second, third = (ada.submit("sleep 600", account="physics") for _ in range(3))
    ada.until(first, "RUNNING")

    for name in (ADA, LI, OPERATOR):
        refused = as_user(name, product, *CHANGE)
        assert refused.code != 0
        assert refused.err.startswith("ly: only an administrator may see or change the rules of the queue"), (
            name
        )
    assert ada.job(second)["reason"] == "waits because account physics uses 1 of 1 CPUs"

    assert as_user(ADMINISTRATOR, product, *CHANGE).out == "Account physics is changed.\n"
    ada.until(second, "RUNNING")
    held = "waits because account physics uses 2 of 2 CPUs"
    wait_for(lambda: ada.job(third)["reason"] == held, PATIENCE_S, "the new limit")

    read_again(product)
    wait_for(lambda: ada.job(third)["reason"] == held, PATIENCE_S, "the new limit after SIGHUP")
    assert product.stop() == 0
    product.start()
    wait_for(lambda: ada_again(product).job(third)["reason"] == held, PATIENCE_S, "it after a restart")
    shown = as_user(ADMINISTRATOR, product, "admin", "show").out
    assert "#   account physics: limits.cpus\n" in shown


def ada_again(product: Product) -> Person:
    """The port may be another one."""
    return Person(product, ADA)


def test_a_configuration_that_is_roots_alone_is_a_warning_with_what_opens_it(product: Product) -> None:
    log = product.state / "daemon" / "daemon.log"
    product.config.chmod(0o600)
    sentence = (
        f"the server runs as launchyard, which may not read {product.config} again (mode 600); "
        f"run: chgrp launchyard {product.config} && chmod g+r {product.config}"
    )
    try:
        os.kill(product.pid, signal.SIGHUP)
        wait_for(lambda: f"was not read again: {sentence}\n" in log.read_text(), PATIENCE_S, "the sentence")
        assert ly(product.state, "admin", "reload").err == f"ly: {sentence}\n"
        (finding,) = _of_configuration(product)
        assert finding["level"] == "WARN"
        assert f"{finding['found']}; {finding['advice']}".endswith(sentence)

        subprocess.run(finding["advice"].removeprefix("run: "), shell=True, check=True)
        assert [one["level"] for one in _of_configuration(product)] == ["OK"]
        read_again(product)
    finally:
        product.config.chmod(0o644)


def _of_configuration(product: Product) -> list[dict[str, str]]:
    found = json.loads(ly(product.state, "doctor", "--json").out)
    return [one for one in found if one["name"] == "configuration"]
