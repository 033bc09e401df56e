"""The steps from an empty database to today's tables, in order; `meta` says which the database has seen."""

from launchyard.store.migrations import step_001, step_002, step_003, step_004

STEPS = (step_001.upgrade, step_002.upgrade, step_003.upgrade, step_004.upgrade)
"""Each takes a connection inside the one transaction of the whole upgrade."""
