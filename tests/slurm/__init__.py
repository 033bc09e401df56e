"""Launchyard's commands beside real Slurm's: the same jobs, the same command lines, the same answers."""
