"""/metrics as a strict reader takes it, and the page that has every name of it."""

import re
from collections.abc import Iterator

import pytest

from tests.system.product import DEFAULT_CONFIG, Product
from tests.tidy.source import ROOT

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (NaN|[+-]Inf|-?[0-9][0-9.e+-]*)")
ENDINGS = {
    "gauge": [""],
    "counter": [""],
    "summary": ["_sum", "_count"],
    "histogram": ["_bucket", "_sum", "_count"],
}
ASKED_FOR = {
    "queue depth": "launchyard_queue_depth",
    "waits": "launchyard_wait_seconds",
    "starts": "launchyard_jobs_total",
    "pass time": "launchyard_pass_seconds",
    "commit time": "launchyard_commit_seconds",
    "node use": "launchyard_node_cpus_used",
    "API latency": "launchyard_http_seconds",
}


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    product = Product(tmp_path_factory.mktemp("metrics") / "s", DEFAULT_CONFIG)
    try:
        product.start()
        product.until(product.submit("true"))
        waits = product.submit("true", hold=True)
        told: bytes = product.call("GET", "/metrics")
        product.call("POST", f"/v1/jobs/{waits}/cancel")
        yield told.decode()
    finally:
        product.destroy()


Samples = dict[str, list[tuple[str, dict[str, str], float]]]


def families(text: str) -> tuple[dict[str, str], Samples]:
    """Types and samples by family; what a strict reader refuses is an error."""
    types: dict[str, str] = {}
    helped: set[str] = set()
    samples: Samples = {}
    seen: set[tuple[str, str]] = set()
    assert text.endswith("\n")
    current = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert name not in helped, f"{name} is told twice, or in two parts"
            helped.add(name)
            assert len(line.split(" ", 3)) == 4
        elif line.startswith("# TYPE "):
            _, _, current, kind = line.split(" ")
            assert current in helped, current
            types[current] = kind
            samples[current] = []
        else:
            found = SAMPLE.fullmatch(line)
            assert found, line
            name, labels = found[1], found[2] or ""
            assert (name, labels) not in seen, f"{line} is there twice"
            seen.add((name, labels))
            assert name.removeprefix(current) in ENDINGS[types[current]], f"{line} is not of {current}"
            pairs = dict(one.split("=", 1) for one in re.findall(LABEL, labels))
            samples[current].append((name.removeprefix(current), pairs, float(found[3])))
    return types, samples


def test_a_strict_reader_takes_all_of_it(text: str) -> None:
    types, samples = families(text)
    for name, kind in types.items():
        assert (kind == "counter") == name.endswith("_total"), name
        if kind == "histogram":
            series: dict[str, list[tuple[str, float]]] = {}
            counts, sums = {}, set()
            for ending, labels, value in samples[name]:
                bound = labels.pop("le", "")
                key = str(sorted(labels.items()))
                if ending == "_bucket":
                    series.setdefault(key, []).append((bound, value))
                elif ending == "_count":
                    counts[key] = value
                else:
                    sums.add(key)
            assert series.keys() == counts.keys() == sums
            for key, buckets in series.items():
                values = [value for _, value in buckets]
                assert values == sorted(values), f"{name} falls"
                assert buckets[-1] == ('"+Inf"', counts[key])
                bounds = [float(bound.strip('"')) for bound, _ in buckets]
                assert bounds == sorted(bounds)


@pytest.mark.parametrize("what", ASKED_FOR)
def test_what_an_operator_asks_for_is_told(text: str, what: str) -> None:
    types, samples = families(text)
    assert ASKED_FOR[what] in types
    assert samples[ASKED_FOR[what]]


def test_the_page_has_every_name_with_its_type_and_no_other(text: str) -> None:
    types, _ = families(text)
    page = (ROOT / "docs/reference/metrics.md").read_text()
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| `")]
    told = {name: row[2].strip() for row in rows for name in re.findall(r"`([^`]+)`", row[1])}
    assert told == types
