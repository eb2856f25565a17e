#!/usr/bin/env bash
# Measures storing and loading values of 1 KiB in a folder through rclone, in PowerShell's pipeline, compared with the Python package if it can be
# imported. Both alternate in one run, each in a fresh store; medians, values per second. Most of the time is rclone's own, so use a fast file system.
# For the CPU time per value here and in rclone, without a pipeline, run:
#   dotnet run -c Release --project bench/Benchmarks -- rclone rclone:/dev/shm/store 5000 16 3
# usage: bench/rclone.sh [DIRECTORY [COUNT [ROUNDS [THROTTLE]]]]      env: BENCH_BUILT, to build nothing
set -euo pipefail
cd "$(dirname "$0")/.."

default=${TMPDIR:-/tmp}
[ ! -w /dev/shm ] || default=/dev/shm
place=$(mktemp -d "${1:-$default}/borgstore-bench.XXXXXX")
count=${2:-5000} rounds=${3:-3} throttle=${4:-16}
trap 'rm -rf "$place"' EXIT

[ -n "${BENCH_BUILT:-}" ] || dotnet build BorgStore.slnx -c Release --verbosity quiet --nologo >&2
runners=(ours)
python=${PYTHON:-python3}
if "$python" -c 'import borgstore, requests' 2> /dev/null; then runners+=(python); fi

for ((round = 0; round < rounds; round++)); do
  for runner in "${runners[@]}"; do
    case $runner in
      ours) pwsh -NoProfile -NonInteractive -File bench/rclone.ps1 "$place/store" "$count" "$throttle" ;;
      python) "$python" bench/rclone.py "$place/store" "$count" ;;
    esac | sed "s/^/$runner /" | tee -a "$place/results" >&2
    rm -rf "$place/store"
  done
done

awk -v count="$count" '
  { values[$1, $2] = values[$1, $2] " " $3; if (!($1 in seen)) { seen[$1] = 1; runners[++n] = $1 } }
  function median(list,   parts, k, i, j, t) {
    k = split(list, parts, " ")
    for (i = 2; i <= k; i++) for (j = i; j > 1 && parts[j - 1] + 0 > parts[j] + 0; j--) { t = parts[j]; parts[j] = parts[j - 1]; parts[j - 1] = t }
    return parts[int((k + 1) / 2)]
  }
  END {
    split("store load list", steps, " ")
    for (s = 1; s <= 3; s++) {
      printf "%-8s", steps[s]
      for (r = 1; r <= n; r++) printf "  %s %7d/s", runners[r], median(values[runners[r], steps[s]])
      print (n > 1 ? sprintf("   %.1f times", median(values["ours", steps[s]]) / median(values["python", steps[s]])) : "")
    }
    for (r = 1; r <= n; r++) {
      seconds[r] = count / median(values[runners[r], "store"]) + count / median(values[runners[r], "load"])
      printf "in and out: %s %.1f s  ", runners[r], seconds[r]
    }
    print (n > 1 ? sprintf("%.1f times", seconds[2] / seconds[1]) : "")
  }' "$place/results"
