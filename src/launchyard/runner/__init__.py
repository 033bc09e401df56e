"""The runner: what stands on a node for a step of `srun`, starts its tasks and is connected to srun."""
