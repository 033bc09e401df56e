"""/metrics in Prometheus' own form, told to whom it may be told."""

import http.client
import re
from collections.abc import Iterator

import pytest

from tests.system.ly import ly
from tests.system.product import DEFAULT_CONFIG, PATIENCE_S, Product, Refused, listening_port, wait_for

FIGURE = re.compile(r'([a-z_]+)(\{[a-z]+="[^"\n]*"(?:,[a-z]+="[^"\n]*")*\})? (-?[0-9.e+-]+|\+Inf)')


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("metrics") / "s", DEFAULT_CONFIG)
    product.start()
    yield product
    product.destroy()


def figures(text: str) -> dict[str, float]:
    """By name with labels; what is not in the form of the format is an error."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(
                r"# (HELP [a-z_]+ .+|TYPE [a-z_]+ (counter|gauge|histogram|summary))", line
            ), line
            continue
        matched = FIGURE.fullmatch(line)
        assert matched, line
        found[matched[1] + (matched[2] or "")] = float(matched[3])
    return found


def told(product: Product) -> dict[str, float]:
    return figures(product.call("GET", "/metrics").decode())


def by_tcp(product: Product, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", listening_port(product.pid), timeout=60)
    connection.request("GET", "/metrics", headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_the_queue_its_work_and_the_api_are_counted(product: Product) -> None:
    before = told(product)
    runs = product.submit("sleep 300", resources={"cpus": 3})
    waits = product.submit("true", resources={"cpus": 4}, array="1-7")
    product.until(product.submit("exit 3", resources={"cpus": 1}))
    product.until(runs, "RUNNING")

    # What became of jobs is counted once it is durable, which may be after it is seen.
    counted = {'launchyard_jobs_total{what="failed"}': 1, 'launchyard_jobs_total{what="started"}': 2}
    wait_for(lambda: counted.items() <= told(product).items(), PATIENCE_S, "the jobs are counted")
    found = told(product)
    assert found['launchyard_jobs{state="PENDING"}'] == 7
    assert found['launchyard_jobs{state="RUNNING"}'] == 1
    assert found['launchyard_queue_depth{partition="main"}'] == 7
    assert found["launchyard_node_cpus"] == 4
    assert found["launchyard_node_cpus_used"] == 3
    assert found['launchyard_nodes{state="up"}'] == 1
    assert found['launchyard_jobs_total{what="failed"}'] == 1
    assert found['launchyard_jobs_total{what="started"}'] == 2
    assert found["launchyard_wait_seconds_count"] == 2
    assert found['launchyard_wait_seconds_bucket{le="+Inf"}'] == 2
    assert found["launchyard_pass_seconds_count"] > before.get("launchyard_pass_seconds_count", 0)
    assert 0 < found["launchyard_commit_seconds_sum"] < 60
    submits = 'launchyard_http_seconds_count{method="POST",path="/v1/jobs",status="2xx"}'
    assert found[submits] == 3
    assert found['launchyard_http_seconds_count{method="GET",path="/v1/jobs/{job}",status="2xx"}'] >= 2
    assert found["process_resident_memory_bytes"] > 1e6
    for job in (runs, waits):
        product.call("POST", f"/v1/jobs/{job}/cancel")


def test_by_tcp_a_token_is_needed_until_the_site_says_otherwise(product: Product) -> None:
    assert by_tcp(product)[0] == 401
    token = ly(product.state, "token", "create", "prometheus", "--scope", "read", "--quiet")
    assert token.code == 0, token
    status, text = by_tcp(product, Authorization=f"Bearer {token.out.strip()}")
    assert status == 200
    assert figures(text)["launchyard_degraded"] == 0

    product.stop()
    product.config.write_text(f"{DEFAULT_CONFIG}\n[metrics]\nloopback = true\n")
    product.start()
    assert by_tcp(product)[0] == 200
    assert by_tcp(product, Authorization="Bearer wrong")[0] == 401
    for name, value in (("X-Forwarded-For", "1.2.3.4"), ("Origin", "http://x"), ("Host", "evil.example")):
        assert by_tcp(product, **{name: value})[0] in (401, 403, 421), name


@pytest.mark.root
def test_ordinary_users_are_told_nothing(product: Product) -> None:
    said = ly(product.state, "token", "create", "mine", "--scope", "submit", "--quiet")
    status, _ = by_tcp(product, Authorization=f"Bearer {said.out.strip()}")
    assert status == 403


def test_what_is_counted_has_no_names_in_it(product: Product) -> None:
    job = product.submit("true", name="secret-project", metadata={"a": "secret"})
    product.until(job)
    wait_for(lambda: "secret" not in product.call("GET", "/metrics").decode(), PATIENCE_S, "no name")
    with pytest.raises(Refused):
        product.call("GET", "/metrics?x=1")
