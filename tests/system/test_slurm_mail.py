"""--mail-type sends mail: a program in the place of sendmail writes down what it is given."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.product import DEFAULT_CONFIG, PATIENCE_S, Product, wait_for


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    program = tmp_path / "sendmail"
    program.write_text(f"#!/bin/sh\ncat > {tmp_path}/mail.$$ && mv {tmp_path}/mail.$$ {tmp_path}/$$.mail\n")
    program.chmod(0o755)
    running = Product(tmp_path / "s", f'{DEFAULT_CONFIG}\n[mail]\ncommand = "{program} -t"\n')
    running.start()
    yield running
    running.destroy()


def test_a_user_is_told_of_the_begin_and_the_end(product: Product, tmp_path: Path) -> None:
    words = ("--mail-type=BEGIN,END", "--mail-user=ada@example.org", "-J", "fit", "--wrap", "exit 3")
    command = [f"{product.state}/slurm/sbatch", "-W", "-o", f"{tmp_path}/out", *words]
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "SBATCH", "LAUNCHYARD"))}
    assert subprocess.run(command, env=environ, timeout=PATIENCE_S, check=False).returncode == 3

    def mails() -> list[str] | None:
        texts = [path.read_text() for path in tmp_path.glob("*.mail")]
        return texts if len(texts) == 2 else None

    began, ended = sorted(wait_for(mails, PATIENCE_S, "two mails"))
    assert began.startswith("To: ada@example.org\nSubject: Slurm Job_id=1 Name=fit Began, Queued time 00:00:")
    assert "Slurm Job_id=1 Name=fit Ended, Run time 00:00:0" in ended
    assert ", FAILED, ExitCode 3\n" in ended
