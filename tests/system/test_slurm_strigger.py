"""strigger as people and programs call it, against the daemon with its jobs and nodes."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.accounts import account
from tests.system.product import DEFAULT_CONFIG, PATIENCE_S, Product, let_others_in, wait_for
from tests.system.test_slurm_doing import Result, Slurm
from tests.system.test_two_users import ADA, LI

HEADER = "TRIG_ID RES_TYPE   RES_ID TYPE                                OFFSET USER     FLAGS PROGRAM"
TELL = '#!/bin/sh\necho "$@" as $(id -un) >> {told}\n'


class Told:
    """The program of all triggers, and what it was told."""

    def __init__(self, directory: Path) -> None:
        self.program = directory / "tell"
        self.path = directory / "told"
        self.program.write_text(TELL.format(told=self.path))
        self.program.chmod(0o755)
        self.path.touch()
        self.path.chmod(0o666)

    def lines(self) -> list[str]:
        return self.path.read_text().splitlines()

    def until(self, *lines: str) -> None:
        def there() -> bool | None:
            return set(lines) <= set(self.lines()) or None

        wait_for(there, PATIENCE_S, f"{lines} were told, not only {self.lines()}")


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    directory = tmp_path_factory.mktemp("strigger")
    product = Product(directory / "s", DEFAULT_CONFIG.replace('name = "node"', 'name = "n[1-3]"'))
    product.start()
    yield Slurm(product, directory)
    product.destroy()


@pytest.fixture(scope="module")
def told(slurm: Slurm) -> Told:
    return Told(slurm.directory)


def put(slurm: Slurm, told: Told, word: str, *options: str) -> None:
    assert slurm("strigger", "--set", *options, f"--program={told.program} {word}") == Result(0, "", "")


def test_programs_run_once_for_jobs_and_nodes_with_what_it_happened_to(slurm: Slurm, told: Told) -> None:
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    job = slurm.sbatch("-w", "n1", "--wrap", "sleep 300")
    slurm.until(job, "RUNNING")
    put(slurm, told, "fini", "--fini", f"--jobid={job}")
    put(slurm, told, "limit", "-t", "-j", job, "--offset=-32000")
    put(slurm, told, "down", "--node=n[2-3]", "--down")
    put(slurm, told, "up", "--node", "--up", "--flags=PERM")

    blank, lasting = f"{user:<8}      ", f"{user:<8} PERM "
    assert slurm("strigger", "--get").out.splitlines() == [
        HEADER,
        f"      1 job {job:>13} fini                                     0 {blank} {told.program} fini",
        f"      2 job {job:>13} time                                -32000 {blank} {told.program} limit",
        f"      3 node       n[2-3] down                                     0 {blank} {told.program} down",
        f"      4 node            * up                                       0 {lasting} {told.program} up",
    ]
    slurm("scontrol", "update", "nodename=n3", "state=down", "reason=test")
    slurm("scontrol", "update", "nodename=n3", "state=resume")
    slurm("scancel", job)

    told.until(f"down n3 as {user}", f"up n3 as {user}", f"fini {job} as {user}")
    assert slurm("strigger", "--get", "-N", "-i", "4").out.split()[:4] == ["4", "node", "*", "up"]
    assert slurm("strigger", "--get", f"--jobid={job}") == Result(0, "", "")

    def recorded() -> bool:
        shown = slurm("sacct", "-nXo", "jobname,alloccpus,state").out.split()
        return ["trigger-3", "0", "COMPLETED"] in [shown[at : at + 3] for at in range(0, len(shown), 3)]

    wait_for(recorded, PATIENCE_S, "the end of the trigger's job is on record")
    assert slurm("strigger", "-v", "--clear", "--id=4") == Result(0, "", "strigger: trigger 4 cleared\n")


def test_a_node_that_is_set_to_fail_is_drained_for_who_waits_for_that(slurm: Slurm, told: Told) -> None:
    """As with Slurm 22.05, where State=FAIL sets off --drained, and --fail never."""
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    put(slurm, told, "drained", "--node=n2", "--drained")

    assert slurm("scontrol", "update", "nodename=n2", "state=fail", "reason=disk") == Result(0, "", "")

    told.until(f"drained n2 as {user}")
    assert slurm("scontrol", "update", "nodename=n2", "state=resume") == Result(0, "", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "strigger: error: You must use exactly one of the following options: --set, --get or --clear"),
        ("--set --get", "strigger: error: You must use exactly one"),
        ("--set --node -p /bin/true", "strigger: error: You must specify a trigger ("),
        ("--set --fini -p /bin/true", "strigger: error: You must specify a --jobid value"),
        ("--set --fini -j x -p /bin/true", "strigger: error: Invalid jobid x"),
        ("--set --fini -j 999999 -p /bin/true", "slurm_set_trigger: Invalid job id specified"),
        ("--set --down", "strigger: error: You must specify a --program value"),
        ("--set --down -p true", 'strigger: error: The --program value must start with "/"'),
        ("--set --down -p /no/such", "strigger: error: Invalid --program value, file not found"),
        ("--set --down -nn9 -p /bin/true", "slurm_set_trigger: Invalid node name specified"),
        ("--set --down -p /bin/true -o 32001", "strigger: error: The --offset parameter must be between"),
        ("--set --down -p /bin/true --flags=x", "strigger: error: Invalid flags x"),
        (
            "--set --fail -p /bin/true",
            "strigger: error: --fail is not possible: nodes here have no state FAIL",
        ),
        ("--set --front_end --down -p /bin/true", "strigger: error: --front_end is not possible: "),
        (
            "--set --primary_slurmdbd_failure -p /bin/true",
            "strigger: error: --primary_slurmdbd_failure is not",
        ),
        ("--set --burst_buffer -p /bin/true", "strigger: error: --burst_buffer is not possible: "),
        ("--get --user=nosuchuser", "strigger: error: Invalid user nosuchuser"),
        ("--clear", "strigger: error: You must specify a --id, --jobid, or --user to clear"),
        ("--clear --id=999", "slurm_clear_trigger: No such process"),
        ("--bogus", "strigger: unrecognized option '--bogus'"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_exit_code_1(slurm: Slurm, words: str, said: str) -> None:
    done = slurm("strigger", *words.split())

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(said)
    assert slurm("strigger", "-Q", "--clear", "--id=999").code == 0


def test_triggers_outlive_the_daemon(slurm: Slurm, told: Told) -> None:
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    job = slurm.sbatch("--wrap", "sleep 300")
    put(slurm, told, "after", "--fini", f"--jobid={job}")
    put(slurm, told, "back", "-A")

    slurm.product.kill()
    slurm.product.start()
    slurm("scancel", job)

    told.until(f"after {job} as {user}", f"back * as {user}")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it acts as two users")
def test_each_user_has_triggers_and_crontabs_of_its_own(tmp_path: Path) -> None:
    for name in (ADA, LI):
        account(name)
    let_others_in(tmp_path)
    product = Product(tmp_path / "state", DEFAULT_CONFIG.replace("allow_root_jobs = true\n", ""))
    product.start()
    try:
        told = Told(tmp_path)

        def by(user: str, command: str, *words: str, typed: str = "") -> Result:
            become = ["setpriv", "--reuid", user, "--regid", user, "--init-groups"]
            path = f"{product.state}/slurm/{command}"
            done = subprocess.run(
                [*become, path, *words], input=typed, capture_output=True, text=True, cwd="/", check=False
            )
            return Result(done.returncode, done.stdout, done.stderr)

        one = ("--set", "--node", "--drained", f"--program={told.program} {ADA}")
        assert by(ADA, "strigger", *one) == Result(0, "", "")
        assert by(LI, "strigger", "--get") == Result(0, "", "")
        assert by(LI, "strigger", "--clear", "--id=1").code == 1
        assert by("root", "strigger", "--get", "-N", f"--user={ADA}").out.split()[5] == ADA
        assert by("root", "strigger", "--set", "--node", "--drained", f"-p{told.program} root").code == 0
        assert by("root", "scrontab", "-u", ADA, "-", typed="@yearly true\n") == Result(0, "", "")
        assert by(ADA, "scrontab", "-l").out == "@yearly true\n"
        assert by(LI, "scrontab", "-l") == Result(1, f"no crontab for {LI}\n", "")
        assert by(LI, "scrontab", "-u", ADA, "-l").code == 1
        assert by("root", "squeue", "-ho", "%u %j %Z").out == f"{ADA} true /home/{ADA}\n"

        by("root", "scontrol", "update", "nodename=node", "state=drain", "reason=test")

        told.until(f"{ADA} node as {ADA}")

        def ended() -> bool | None:
            return "FAILED" in by("root", "sacct", "-nX", "--name=trigger-2", "-ostate").out or None

        wait_for(ended, PATIENCE_S, "what root's trigger wants has been refused")
        assert told.lines() == [f"{ADA} node as {ADA}"]
    finally:
        product.destroy()
