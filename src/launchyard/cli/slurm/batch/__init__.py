"""What sbatch does, part by part."""
