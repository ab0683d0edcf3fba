#!/bin/bash
# Trains on several machines of a SLURM cluster: one process for each machine.
#     sbatch --nodes=2 docs/cluster/slurm_training.sh
# The repository, its virtual environment, the records and the workdir are on storage
# that all machines mount under the same names.
#SBATCH --job-name=pretrain
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120

export NODES=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | tr '\n' ' ')
export PORT=12345

# SLURM sends SIGTERM two minutes before the time is over. The run then saves a
# checkpoint, and the same command continues from it.
srun bash -c '
    workers=$(for node in $NODES; do printf "\"%s:%s\"," "$node" "$PORT"; done)
    export TF_CONFIG="{\"cluster\": {\"worker\": [${workers%,}]},
        \"task\": {\"type\": \"worker\", \"index\": $SLURM_PROCID}}"
    exec .venv/bin/python run_pretraining.py --config=configs/electra_small.py \
        --config.train.strategy=multi_worker \
        --records="/shared/records/train-*.tfrecord" --workdir=/shared/runs/small'
