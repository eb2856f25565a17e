#!/usr/bin/env bash
# Measures the file backend, compared with a C loop of the minimum of system calls, its own portable calls, and the Python
# package if it can be imported. All alternate in one run, each in a fresh directory; medians, nanoseconds per operation.
# usage: bench/syscalls.sh [DIRECTORY [COUNT [ROUNDS]]]
set -euo pipefail
cd "$(dirname "$0")/.."

place=$(mktemp -d "${1:-${TMPDIR:-/tmp}}/borgstore-bench.XXXXXX")
count=${2:-10000} rounds=${3:-7}
trap 'rm -rf "$place"' EXIT

dotnet build tests/Storm -c Release --verbosity quiet --nologo >&2
storm=$(find artifacts/bin/Storm -ipath '*release/BorgStore.Tests.Storm.dll' | head -1)
runners=(ours portable)
if command -v gcc > /dev/null && gcc -O2 -o "$place/c" bench/syscalls.c; then runners+=(c); fi
if python3 -c 'import borgstore' 2> /dev/null; then runners+=(python); fi

for ((round = 0; round < rounds; round++)); do
  for runner in "${runners[@]}"; do
    store=$place/store
    case $runner in
      ours) dotnet "$storm" bench "$store" linux "$count" ;;
      portable) dotnet "$storm" bench "$store" portable "$count" ;;
      c) "$place/c" "$store" "$count" ;;
      python) python3 bench/syscalls.py "$store" "$count" ;;
    esac | sed "s/^/$runner /" >> "$place/results"
    rm -rf "$store" "$store"-warm*
  done
done

awk '
  { values[$1, $2] = values[$1, $2] " " $3; if (!($1 in seen)) { seen[$1] = 1; runners[++n] = $1 } }
  function median(list,   parts, k, i, j, t) {
    k = split(list, parts, " ")
    for (i = 2; i <= k; i++) for (j = i; j > 1 && parts[j - 1] + 0 > parts[j] + 0; j--) { t = parts[j]; parts[j] = parts[j - 1]; parts[j - 1] = t }
    return parts[int((k + 1) / 2)]
  }
  END {
    printf "%-8s", "ns/op"; for (r = 1; r <= n; r++) printf "%10s", runners[r]
    print "   speed of ours: / c   / python   / portable"
    m = split("store load info list delete", operations, " ")
    for (o = 1; o <= m; o++) {
      printf "%-8s", operations[o]
      for (r = 1; r <= n; r++) { at[runners[r]] = median(values[runners[r], operations[o]]); printf "%10d", at[runners[r]] }
      printf "%22.2f %10.1f %12.1f\n", at["c"] / at["ours"], at["python"] / at["ours"], at["portable"] / at["ours"]
    }
  }' "$place/results"
