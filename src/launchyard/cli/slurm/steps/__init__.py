"""What srun, salloc, sattach and sbcast share: options, allocations, and the talk with runners."""
