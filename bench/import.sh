#!/usr/bin/env bash
# Measures the time of Import-Module BorgStore in addition to the start of pwsh itself. Both alternate for the given
# number of rounds, each in a new process; prints the medians of the starts and of the differences, in milliseconds.
# usage: bench/import.sh [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-15}
module=$PWD/artifacts/BorgStore/BorgStore.psd1
dotnet build build/BorgStore.Module -c Release --verbosity quiet --nologo >&2

# Prints the time of one command in a new pwsh, in microseconds.
run() {
  local begin=${EPOCHREALTIME/./}
  pwsh -NoProfile -NonInteractive -Command "$1" > /dev/null
  echo $((${EPOCHREALTIME/./} - begin))
}
median() { sort -n | awk '{ v[NR] = $1 } END { printf "%.0f", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2000 }'; }

run 1 > /dev/null && run "Import-Module '$module'" > /dev/null
starts='' differences=''
for ((round = 0; round < rounds; round++)); do
  start=$(run 1) import=$(run "Import-Module '$module'")
  starts+="$start"$'\n' differences+="$((import - start))"$'\n'
done
echo "start of pwsh: $(printf %s "$starts" | median) ms, import of the module beyond it: $(printf %s "$differences" | median) ms"
