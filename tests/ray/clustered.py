"""The whole product over a real Ray cluster: one daemon, jobs on the lab's nodes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ray.lab import Lab
from tests.system.product import Product, wait_for

CONFIG = """
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
grace_s = 2
[[clusters]]
name = "big"
engine = "ray"
address = "{address}"
python = "{python}"
"""
START_S = 90.0


@contextmanager
def product_on(lab: Lab, state: Path, more: str = "", address: str = "") -> Iterator[Product]:
    """With all nodes serving; what jobs leave is ended."""
    made = Product(state, CONFIG.format(address=address or lab.address, python=lab.python) + more)
    made.start(timeout_s=START_S)
    try:
        wait_for(lambda: up(made) == lab.nodes, START_S, "all nodes serve")
        yield made
    finally:
        made.destroy()
        lab.kill_leftovers_of_jobs()


def up(product: Product) -> int:
    """How many nodes serve."""
    return sum(node["state"] == "UP" for node in product.call("GET", "/v1/nodes")["nodes"])
