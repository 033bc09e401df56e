"""The steps from an empty database to today's tables, in order; `meta` says which the database has seen."""

from launchyard.store.migrations import (
    step_001,
    step_002,
    step_003,
    step_004,
    step_005,
    step_006,
    step_007,
    step_008,
)

STEPS = tuple(
    step.upgrade for step in (step_001, step_002, step_003, step_004, step_005, step_006, step_007, step_008)
)
"""Each takes a connection inside the one transaction of the whole upgrade."""
