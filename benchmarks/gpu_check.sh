#!/usr/bin/env bash
# What a machine with a GPU is asked, from a checkout, offline: one stage a call, each within --minutes.
#
#   benchmarks/gpu_check.sh STAGE --data DIR [--evaluator FILE] [--out DIR] [--minutes 8] [--wheels DIR]
#                                 [--systems A,B] [--smoke]
#
# STAGE: tests            the tests that need a device
#        throughput       benchmarks/throughput.py, fit against a plain loop with 16 workers; DIR is a data set, or a
#                         folder with iclevr/, anime/ and horse2zebra/. throughput_compiled: with torch.compile
#        NAME             a training by its config (cdcgan_iclevr, conditional_gan_iclevr, flow_iclevr, dcgan_anime, ...),
#                         stopped after --minutes and continued by the next call with the same --out, bit for bit; then
#                         its test: curves, grids and scores are in OUT/results
# --wheels: packages that the machine lacks, as wheel files in this folder. --smoke: a few steps of tiny networks on the
# CPU, to see that a stage works at all.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { sed -n '2,14s/^# \{0,1\}//p' "$0" >&2; exit 2; }

[ $# -ge 1 ] || usage
stage=$1; shift
data='' evaluator='' out=runs/gpu minutes=8 wheels='' smoke=''
systems=cdcgan,dcgan,wgan_gp,conditional_gan,flow,cyclegan
while [ $# -gt 0 ]; do
    case $1 in
        --smoke) smoke=yes; shift ;;
        --data|--evaluator|--out|--minutes|--wheels|--systems) [ $# -ge 2 ] || usage; printf -v "${1#--}" '%s' "$2"; shift 2 ;;
        *) usage ;;
    esac
done
python=${PYTHON:-python3}
results=$out/results
mkdir -p "$results"
if [ -n "$wheels" ]; then
    "$python" -m pip install -q --no-index --no-deps --upgrade --target "$out/site" "$wheels"/*.whl
    export PYTHONPATH="$PWD/$out/site"
fi
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
accelerator=gpu device=cuda
[ -z "$smoke" ] || { accelerator=cpu; device=cpu; }

newest() { ls -td "$out/$1"/version_*/"$2" 2>/dev/null | head -n 1 || true; }

train_and_test() {
    local config=$1 options=(--trainer.accelerator "$accelerator" --trainer.devices 1 --trainer.default_root_dir "$out")
    local fit=("${options[@]}" --config "$config" --run_name "$config" --wandb off) test=("${options[@]}") code=0 last
    [ -z "$data" ] || { fit+=(--data.root "$data"); test+=(--data.root "$data"); }
    [ -z "$evaluator" ] || { fit+=(--score.evaluator "$evaluator"); test+=(--score.evaluator "$evaluator"); }
    # shellcheck disable=SC2206  # several words on purpose
    [ -z "$smoke" ] || fit+=(${SMOKE_OPTIONS:-} --trainer.max_steps 2 --data.batch_size 4 --trainer.log_every_n_steps 1)
    last=$(newest "$config" checkpoints/last.ckpt)
    [ -z "$last" ] || fit+=(--ckpt_path "$last")
    timeout --signal=TERM "${minutes}m" "$python" -m lit_gans fit "${fit[@]}" || code=$?
    # 124 and 143: the time was over, and the last batch is saved
    case $code in 0|124|143) ;; *) exit "$code" ;; esac
    last=$(newest "$config" checkpoints/last.ckpt)
    "$python" -m lit_gans test --ckpt_path "$last" --run_name "${config}_test" "${test[@]}"
    cp "$(newest "$config" curves.png)" "$results/${config}_curves.png"
    cp "$(newest "$config" metrics.csv)" "$results/${config}_metrics.csv"
    for file in "$(newest "${config}_test" scores.json)" "$(newest "${config}_test" .)"/*.png; do
        cp "$file" "$results/${config}_$(basename "$file")"
    done
    echo "results of $config: $results"
}

case $stage in
    tests) LIT_GANS_DEVICE=$device "$python" -m pytest -q tests/test_device.py ;;
    throughput|throughput_compiled)
        options=(--device "$device" --systems "$systems" --workers 16 --rounds 3 --batches 100 --out "$results/$stage.json")
        [ "$stage" = throughput ] || options+=(--compile default)
        [ -z "$data" ] || options+=(--data "$data")
        [ -z "$smoke" ] || options+=(--workers 1 --rounds 1 --batches 2 --warmup 1 --batch-size 4 --image-size 16)
        [ -z "$smoke" ] || options+=(--model width=4)
        "$python" benchmarks/throughput.py "${options[@]}" ;;
    -*) usage ;;
    *) train_and_test "$stage" ;;
esac
