"""Slurm's commands for people and programs that know them; standard library alone, and quick to start."""
