"""What is written: no host of a package registry, no polite noise, no promises without a place."""

import ast
import re

from launchyard.cli.main import HELP
from tests.tidy.source import ROOT, python_files, tracked

# Put together here so that this file does not name them either.
REGISTRIES = tuple(
    f"{name}.{ending}"
    for name, ending in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("crates", "io"),
        ("docker", "io"),
        ("ghcr", "io"),
        ("anaconda", "org"),
        ("conda.anaconda", "org"),
    )
)
TEXT_ENDINGS = (
    ".py",
    ".md",
    ".toml",
    ".lock",
    ".json",
    ".sh",
    ".yml",
    ".yaml",
    ".cfg",
    ".txt",
    ".ts",
    ".tsx",
)
NOISE = re.compile(r"\b(please|successfully|oops|sorry)\b", re.IGNORECASE)
UNFINISHED = re.compile(r"\b(TO" + "DO|FIX" + "ME|X" + r"XX)\b")


def test_no_file_names_the_host_of_a_package_registry() -> None:
    naming = [
        f"{name}: {host}"
        for name in tracked()
        if name.endswith(TEXT_ENDINGS) or "." not in name.rsplit("/", 1)[-1]
        for text in ((ROOT / name).read_text(errors="replace"),)
        for host in REGISTRIES
        if host in text
    ]
    assert naming == []


def test_what_people_read_has_no_noise() -> None:
    noisy = [
        f"{source.name}:{node.lineno}: {node.value.strip()[:60]}"
        for source in python_files()
        if source.name.startswith("src/") and NOISE.search(source.text)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and NOISE.search(node.value)
    ]
    assert noisy == []


def test_nothing_is_promised_in_a_comment() -> None:
    promising = [source.name for source in python_files() if UNFINISHED.search(source.text)]
    assert promising == []


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{name}: {target}"
        for name in tracked()
        if name.endswith(".md")
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", (ROOT / name).read_text())
        if not (ROOT / name).parent.joinpath(target).exists()
    ]
    assert broken == []


def test_documents_name_commands_that_there_are() -> None:
    text = {name: (ROOT / name).read_text() for name in tracked() if name.endswith(".md")}
    unknown = {
        f"{name}: ly {word}"
        for name, page in text.items()
        for word in re.findall(r"(?:`|\$ |bin/)ly ([a-z][a-z-]*)", page)
        if word not in HELP
    }
    assert unknown == set()
