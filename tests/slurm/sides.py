"""The two clusters as a person meets them: a line of shell, as a user, in a directory of theirs."""

import os
import pwd
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.slurm.history import FILES, HISTORY, UNTIL
from tests.slurm.settings import FIRST_JOB_ID, USERS
from tests.system.accounts import account

WHO = dict(zip(("ada", "li"), USERS, strict=True)) | {"root": "root"}
SETTLED_S = 300.0
RUNNING = ("RUNNING",)
WAITING = ("PENDING", "REQUEUE_HOLD", "SPECIAL_EXIT")
PATIENCE_S = 60.0


class Said(NamedTuple):
    """A command's exit code and what it printed."""

    code: int
    out: str
    err: str


class Side:
    """One cluster. `environment` finds it; `home` is a directory that its users may enter."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.environment = environment
        self.work = home / "work"
        self.ids: dict[str, int] = {}
        self.work.mkdir(parents=True)
        self.work.chmod(0o777)
        for name, text in FILES.items():
            (self.work / name).write_text(text)
            (self.work / name).chmod(0o755)

    def run(self, line: str, who: str = "ada", within_s: float = PATIENCE_S) -> Said:
        """Run a line of shell as a user; {label} in it is that job's id."""
        user = WHO[who]
        switch = ["setpriv", "--reuid", user, "--regid", user, "--init-groups"]
        variables = {
            "USER": user,
            "LOGNAME": user,
            "HOME": pwd.getpwnam(user).pw_dir,
            "SHELL": "/bin/bash",
        }
        done = subprocess.run(
            [*(switch if user != "root" else []), "bash", "-c", self.with_ids(line)],
            env={**variables, "LANG": "C.UTF-8", **self.environment},
            cwd=self.work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=within_s,
            check=False,
        )
        return Said(
            done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )

    def with_ids(self, line: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: str(self.ids[found[1]]), line)

    def label(self, job_id: int) -> str:
        """The label of a job's id, in braces; `{id}` for a task's own or an unknown one."""
        known = {one: label for label, one in self.ids.items()}
        return "{" + known.get(job_id, "id") + "}"

    def live(self) -> Iterator[tuple[str, str, Said]]:
        """Go through the history; what each of its commands said, with its label and its line."""
        for label, who, line in HISTORY:
            if label == UNTIL:
                self._until(who, line.split())
                continue
            said = self.run(line, who)
            found = re.search(rf"\b({FIRST_JOB_ID // 1000}\d{{3}})\b", said.out + said.err)
            if label and found and said.code in (0, 5):
                self.ids[label] = int(found[1])
            yield label, line, said
        self._until_accounted()

    def _until_accounted(self) -> None:
        """Slurm's accounts are told a little later what started and why a job waits, never of held ones."""
        deadline = time.monotonic() + PATIENCE_S
        started = {
            one for label, who, line in HISTORY if label == UNTIL and who != "waiting" for one in line.split()
        }
        wanted = {str(self.ids[label]) for label in started - {"unstarted"}}
        while time.monotonic() < deadline:
            told = self.run("sacct -a -X -n -P -o jobid,start,state", "root").out
            reason = self.run(f"sacct -X -n -P -j {self.ids['later']} -o reason", "root").out.strip()
            if wanted <= set(re.findall(r"\d+", told)) and reason not in ("", "None"):
                return
            time.sleep(0.5)

    def _until(self, what: str, labels: list[str]) -> None:
        deadline = time.monotonic() + SETTLED_S
        while True:
            states: dict[str, set[str]] = {}
            for row in self.run("squeue -h -r -a -t all -o '%F %T'", "root").out.splitlines():
                job_id, _, state = row.partition(" ")
                states.setdefault(job_id, set()).add(state)
            late = {one: states.get(str(self.ids.get(one)), set()) for one in labels}
            late = {one: found for one, found in late.items() if not _reached(what, found)}
            if not late:
                return
            assert time.monotonic() < deadline, f"not {what} after {SETTLED_S:g} s: {late}"
            time.sleep(0.5)


def _reached(what: str, states: set[str]) -> bool:
    if what == "running":
        return states <= set(RUNNING) and bool(states)
    if what == "waiting":
        return states <= set(WAITING) and bool(states)
    return bool(states) and not states & {*RUNNING, *WAITING, "COMPLETING"}


def node_name() -> str:
    """This machine's short name, which both clusters show."""
    return os.uname().nodename.partition(".")[0]


def make_users() -> None:
    """The users of both clusters, made as other tests make theirs."""
    for user in USERS:
        account(user)
