"""What bandit finds in the product is nothing, or explained here; what is explained is there."""

import json
import subprocess
import sys

import pytest

from tests.tidy.source import ROOT

TIMEOUT_S = 900
NO_FAULT = {
    "B101": "an assertion says what the types cannot; none guards anything",
    "B404": "to import subprocess is no fault",
    "B603": "programs are given lists of arguments, and no shell",
    "B606": "the same of exec, which is how a job begins",
}
_PRIVATE = "a directory of our own is made there, which nobody else can foretell or open"
_OWN_PICKLE = "written by a job of the same user, who could run the same code"
EXPLAINED = {
    ("B103", "src/launchyard/helper/copies.py"): "unpacked files of a user, kept from being changed",
    ("B105", "src/launchyard/cli/slurm/control/refused.py"): "a sentence about tokens",
    ("B105", "src/launchyard/model/session.py"): "the place in a header where a secret goes",
    ("B108", "src/launchyard/attendant/main.py"): _PRIVATE,
    ("B108", "src/launchyard/cli/slurm/steps/listening.py"): _PRIVATE,
    ("B108", "src/launchyard/engine/ray/head.py"): _PRIVATE,
    ("B108", "src/launchyard/engine/slurm/handing.py"): "where a job of a user who is gone would begin",
    ("B108", "src/launchyard/launcher/short_tmp.py"): "a link of root's in a directory of root's",
    ("B108", "src/launchyard/model/entrypoint.py"): "where a job runs whose folder is gone, as its user",
    ("B108", "src/launchyard/model/session.py"): _PRIVATE,
    ("B108", "src/launchyard/raycluster/head.py"): "where Ray itself keeps shared objects",
    ("B108", "src/launchyard/runner/task.py"): "where a step runs whose folder is gone, as its user",
    ("B108", "src/launchyard/slurm/submitted.py"): "where a job runs whose folder is gone, as its user",
    ("B202", "src/launchyard/agent/seed.py"): "an archive that our own daemon packed",
    ("B202", "src/launchyard/engine/slurm/runner.py"): "an archive that our own server packed",
    ("B301", "src/launchyard/sdk/mapped.py"): _OWN_PICKLE,
    ("B301", "src/launchyard/sdk/mapsent.py"): _OWN_PICKLE,
    ("B301", "src/launchyard/sdk/maptask.py"): _OWN_PICKLE,
    ("B310", "src/launchyard/helper/fetching.py"): "runs as the user, who reaches no more by it",
    ("B403", "src/launchyard/sdk/mapped.py"): _OWN_PICKLE,
    ("B403", "src/launchyard/sdk/mapsent.py"): _OWN_PICKLE,
    ("B403", "src/launchyard/sdk/maptask.py"): _OWN_PICKLE,
    ("B608", "src/launchyard/store/migrations/step_006.py"): "names of columns from a table in that file",
    ("B608", "src/launchyard/store/statements.py"): "names of columns from our own tables; values are bound",
}


@pytest.mark.long
@pytest.mark.timeout(TIMEOUT_S)
def test_what_bandit_finds_is_explained_and_the_rest_is_nothing() -> None:
    words = ["-q", "-r", "src/launchyard", "-s", ",".join(NO_FAULT), "-f", "json"]
    done = subprocess.run(
        [sys.executable, "-m", "bandit", *words],
        cwd=ROOT,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    said = json.loads(done.stdout)
    found = {(one["test_id"], one["filename"].removeprefix("./")) for one in said["results"]}

    assert not said["errors"]
    assert found - set(EXPLAINED) == set(), "mend it, or say in EXPLAINED why it is none"
    assert set(EXPLAINED) - found == set(), "take out what is not there any more"
