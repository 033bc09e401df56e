#!/bin/sh
#SBATCH --job-name=squares
#SBATCH --array=1-20
#LY --mem 50M --time 1m

sleep 0.5
echo $((SLURM_ARRAY_TASK_ID * SLURM_ARRAY_TASK_ID)) > "result.$SLURM_ARRAY_TASK_ID"
