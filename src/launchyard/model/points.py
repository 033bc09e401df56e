"""What one of `nice` is worth in the one number that stands for a job's place in the queue."""

MULTIFACTOR = "multifactor"
NICE_POINTS = 100_000
"""In the orders without weights, where it goes before age and size."""


def points_of_nice(order: str) -> int:
    """As many as Slurm's in the order of Slurm's weights."""
    return 1 if order == MULTIFACTOR else NICE_POINTS


def nice_for(wanted: int, number: int, nice: int, order: str) -> int:
    """The `nice` with which a job of this number has the wanted one, or the first beyond it."""
    away = wanted - number
    steps = -(-abs(away) // points_of_nice(order))
    return nice - steps if away > 0 else nice + steps
