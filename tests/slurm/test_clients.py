"""Programs by others read our answers as they read Slurm's: their command lines, and what they look for."""

import re

import pytest

from tests.slurm.clients import CLIENTS, Client
from tests.slurm.normal import labelled
from tests.slurm.sides import Side

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(600)]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: f"{client.source}: {client.line[:60]}")
def test_the_answer_is_what_the_program_can_read(client: Client, told_ours: Side) -> None:
    said = told_ours.run(client.line)
    assert said.code == 0, said.err
    lines = said.out.rstrip("\n").split("\n")
    assert [line for line in lines if not re.fullmatch(client.every, line)] == []
    text = labelled(said.out, told_ours)
    assert [wanted for wanted in client.some if not re.search(wanted, text)] == []
