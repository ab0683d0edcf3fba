#!/bin/bash
# Builds records on one machine of a SLURM cluster, with all of its cores.
#     sbatch docs/cluster/slurm_records.sh
# If the job is killed, the same command goes on where it was.
#SBATCH --job-name=records
#SBATCH --nodes=1
#SBATCH --exclusive
#SBATCH --time=12:00:00
#SBATCH --requeue

srun .venv/bin/python -m tf_pretrain.build_records \
    --input='/shared/text/*.txt' --output=/shared/records \
    --config=configs/electra_small.py --config.data.shard_size_mb=64 \
    --num_workers="$SLURM_CPUS_ON_NODE"
