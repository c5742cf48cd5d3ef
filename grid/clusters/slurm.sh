#!/usr/bin/env bash
# The grid on a SLURM allocation, from a project folder on the cluster's shared disk with `make demo` run once:
#   sbatch grid/clusters/slurm.sh --grid paper --out /shared/runs model.backbone_weights=S3D_kinetics400.pt
# SLURM starts Ray on each node, so no cluster.yaml, SSH key or copy of the code is needed: every node reads it
# from the shared disk. When the time is up, submit the same again; it goes on from there.
#SBATCH --job-name=hd2s-grid
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=48G
#SBATCH --time=24:00:00
# An early word, so that the driver ends as it does after Ctrl-C.
#SBATCH --signal=B:INT@120
set -euo pipefail

cd "$SLURM_SUBMIT_DIR"
# PATH and the wish for a token; the environment is the project's own.
source grid/clusters/environment.sh
export PATH="$PWD/.venv/bin:$PATH"
test -s ~/.ray/auth_token || ray get-auth-token --generate > /dev/null

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed -n 1p)
address=$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | awk '{print $1}')
# Since 22.05 srun gives a task one processor, unless it is told again.
export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK
# Jobs of one user may share a node, so each takes ports by its own number.
port=$((20000 + SLURM_JOB_ID % 10000))
resources="--num-cpus=$SLURM_CPUS_PER_TASK --num-gpus=${SLURM_GPUS_ON_NODE:-0} --block"
# shellcheck disable=SC2086 # several words are meant
srun --nodes=1 --ntasks=1 --nodelist="$head" --overlap \
    ray start --head --node-ip-address="$address" --port="$port" --include-dashboard=false $resources &
for _ in $(seq 60); do
    (exec 3<>"/dev/tcp/$address/$port") 2>/dev/null && break
    sleep 1
done
if [ "$SLURM_JOB_NUM_NODES" -gt 1 ]; then
    # shellcheck disable=SC2086
    srun --nodes=$((SLURM_JOB_NUM_NODES - 1)) --ntasks=$((SLURM_JOB_NUM_NODES - 1)) --exclude="$head" --overlap \
        ray start --address="$address:$port" $resources &
fi

export RAY_ADDRESS="$address:$port"
python run_grid.py "$@" &
driver=$!
trap 'kill -INT "$driver"' INT
status=0
wait "$driver" || status=$?
# A word from SLURM ends the first wait; the driver takes some seconds more.
if kill -0 "$driver" 2>/dev/null; then
    status=0
    wait "$driver" || status=$?
fi
exit "$status"
