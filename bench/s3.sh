#!/usr/bin/env bash
# Stores and loads many small values on its own S3 server (Ceph in memory, see tests/servers) through the pipeline of the module, compared
# with "rclone copy --transfers 16" and the Python package if they are installed. All alternate in one run, each round on fresh paths, in
# memory if there is /dev/shm: on a disk, the file system would still be busy with the files of the previous turn. Medians, values per second.
# usage: bench/s3.sh [COUNT [ROUNDS [THROTTLE]]]      env: PYTHON, the interpreter that has borgstore and boto3
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
count=${1:-10000} rounds=${2:-3} throttle=${3:-16} python=${PYTHON:-python3}
unset AWS_CA_BUNDLE

base=/dev/shm
[ -w "$base" ] || base=${TMPDIR:-/tmp}
place=$(mktemp -d "$base/borgstore-bench.XXXXXX")
coproc server { exec bash tests/servers/ceph.sh "$place/ceph"; }
server_pid=$server_PID to_server=${server[1]}
stop() {
  eval "exec $to_server>&-"
  wait "$server_pid" 2> /dev/null || true
  rm -rf "$place"
}
trap stop EXIT
read -r state endpoint access_key secret_key _ <&"${server[0]}" || true
[ "${state:-}" = ready ] || { echo "The server did not start: ${state:-} ${endpoint:-}; tests/servers/install.sh installs it."; exit 1; }

[ -n "${BENCH_BUILT:-}" ] || dotnet build build/BorgStore.Module -c Release --verbosity quiet -clp:NoSummary >&2
module=$PWD/artifacts/BorgStore/BorgStore.psd1

mkdir "$place/values"
for ((i = 0; i < count; i++)); do head -c 1024 /dev/urandom > "$place/values/$(printf %08x "$i").bin"; done
encoded=${secret_key//\//%2F} && encoded=${encoded//+/%2B}
url=s3:$access_key:$encoded@$endpoint/bench

export RCLONE_CONFIG=/dev/null RCLONE_CONFIG_BENCH_TYPE=s3 RCLONE_CONFIG_BENCH_PROVIDER=Ceph RCLONE_CONFIG_BENCH_ENDPOINT=$endpoint \
  RCLONE_CONFIG_BENCH_ACCESS_KEY_ID=$access_key RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY=$secret_key
runners=(ours)
if command -v rclone > /dev/null; then runners+=(rclone) && rclone mkdir bench:bench 2> /dev/null; fi
if "$python" -c 'import borgstore, boto3' 2> /dev/null; then runners+=(python); fi
command -v rclone > /dev/null || { echo "Making the bucket takes rclone."; exit 1; }

seconds() { # COMMAND...
  local start end
  start=$(date +%s%N)
  "$@" > /dev/null
  end=$(date +%s%N)
  echo $(((end - start) / 1000000))
}
# Each runs as one process, measured from its start, as a user would run it.
ours() {
  pwsh -NoProfile -NonInteractive -CommandWithArgs '
    $ErrorActionPreference = "Stop"; $ProgressPreference = "SilentlyContinue"
    $module, $url, $what, $folder, $throttle = $args
    Import-Module $module
    if ($what -eq "store") {
      $store = New-BorgStore $url -Namespace @{ data = 1 }
      Get-ChildItem $folder | Set-BorgStoreItem -Namespace data -Store $store -ThrottleLimit $throttle
    } else {
      $store = Open-BorgStore $url -Namespace @{ data = 1 }
      Get-BorgStoreItem -Namespace data -Store $store | Export-BorgStoreItem -Path $folder -ThrottleLimit $throttle | Out-Null
    }
    Close-BorgStore $store' "$module" "$@"
}

for ((round = 0; round < rounds; round++)); do
  for runner in "${runners[@]}"; do
    path=$runner-$round back=$place/back-$runner-$round
    mkdir "$back"
    case $runner in
      ours)
        stored=$(seconds ours "$url/$path" store "$place/values" "$throttle")
        loaded=$(seconds ours "$url/$path" load "$back" "$throttle")
        ;;
      rclone)
        stored=$(seconds rclone copy --transfers 16 "$place/values" "bench:bench/$path")
        loaded=$(seconds rclone copy --transfers 16 "bench:bench/$path" "$back")
        ;;
      python)
        stored=$(seconds "$python" bench/s3.py "$url/$path" store "$place/values")
        loaded=$(seconds "$python" bench/s3.py "$url/$path" load "$back")
        ;;
    esac
    found=$(find "$back" -type f | wc -l)
    [ "$found" = "$count" ] || { echo "$runner brought back $found of $count values."; exit 1; }
    rm -rf "$back"
    echo "$runner store $((count * 1000 / stored))" >> "$place/results"
    echo "$runner load $((count * 1000 / loaded))" >> "$place/results"
    echo "$runner both $((count * 1000 / (stored + loaded)))" >> "$place/results"
  done
done

echo "values of 1 KiB a second, median of $rounds rounds of $count, start of the program included"
for what in store load both; do
  for runner in "${runners[@]}"; do
    printf '%-6s %-7s %6d\n' "$what" "$runner" "$(grep "^$runner $what " "$place/results" | cut -d' ' -f3 | sort -n | sed -n "$(((rounds + 1) / 2))p")"
  done
done
