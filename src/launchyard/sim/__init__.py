"""Replaying workloads: the same policies on recorded jobs, as fast as they can be decided."""
