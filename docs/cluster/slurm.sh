#!/bin/bash
# Four workers on four machines: sbatch slurm.sh
# A queued-again job (--requeue) goes on from the last checkpoint.
#SBATCH --job-name=alexnet
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
# With GPUs: --ntasks-per-node=8 --gpus-per-task=1

srun --kill-on-bad-exit=1 alexnet train --cluster slurm --config half -b 256 \
    --data /shared/photos --out /shared/saved
