"""What a job may ask for is written down: every option, every word of Slurm's, every key."""

from dataclasses import fields

from launchyard.cli.job_options import SHAPE
from launchyard.wire.submit import Resources
from tests.tidy.source import ROOT

PAGE = (ROOT / "docs/reference/requests.md").read_text()
ELSEWHERE = {"--name", "--partition", "--time"}
"""Options that are no wishes of nodes, or stand there by their letter."""
OTHER_SPELLINGS = {"--licences", "--licenses", "--cpus", "--nodelist", "--exclude"}


def test_every_option_stands_on_the_page() -> None:
    names = {max(option.opts, key=len) for option in SHAPE} - ELSEWHERE - OTHER_SPELLINGS
    assert {name for name in names if f"`{name}" not in PAGE} == set()


def test_every_key_stands_on_the_page() -> None:
    assert {one.name for one in fields(Resources) if f"`{one.name}`" not in PAGE} == set()
