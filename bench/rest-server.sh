#!/usr/bin/env bash
# Measures requests per second of our server compared with restic's rest-server: values of 1 KiB, the same folders, the same user in one htpasswd
# file (bcrypt), private repositories that can only be added to, and metrics. Deletions go to a second server that permits them.
# Both alternate in one run; medians. rest-server flushes each value to disk before it answers, so ours does, too (--durability each).
# usage: REST_SERVER=/path/to/rest-server bench/rest-server.sh [SECONDS [ROUNDS [DIRECTORY]]]
#   env: ACCESS=none, for servers without users, permissions and metrics; OPERATIONS, some of "load exists list store delete"; VALUES, how many there are (50000, about 1 GB of memory)
#
# rest-server is Debian's package restic-rest-server, or from its source: git clone https://github.com/restic/rest-server,
# CGO_ENABLED=0 go build -o rest-server ./cmd/rest-server. Without it, only our server is measured.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-5} rounds=${2:-3} default=${TMPDIR:-/tmp}
[ ! -w /dev/shm ] || default=/dev/shm
theirs=${REST_SERVER:-$(command -v rest-server || command -v restic-rest-server || true)}
servers=(ours)
if [ -n "$theirs" ]; then servers+=(theirs); else echo "rest-server is missing, so it is skipped; set REST_SERVER to its path." >&2; fi
source bench/wrk.sh
begin "${3:-$default}"

# The repositories of either: few values to list, all of them to load, empty ones to look for, and one to store in and delete from.
mkdir "$place"/{few,full,empty}
dotnet "$helper" values 1000 "$place/few"
dotnet "$helper" values "${VALUES:-50000}" "$place/full"
dotnet "$helper" values 0 "$place/empty"
# wrk waits for a body after HEAD, unless it has no length.
cp -r "$place/empty" "$place/hollow"
while read -r value; do : > "$place/hollow/data/${value:0:2}/$value"; done < "$place/few/names"
for name in "${servers[@]}"; do
  mkdir -p "$place/$name/bench"
  cp -r "$place"/{few,full,hollow} "$place/$name/bench"
done
prepare() { # NAME full|empty
  rm -rf "$place/$1/bench/changed"
  cp -r "$place/$2" "$place/$1/bench/changed"
}
for name in "${servers[@]}"; do prepare "$name" empty; done

# Each of them twice: as it is, and with deletions.
declare -A port=([ours]=5711 [ours-delete]=5712 [theirs]=5713 [theirs-delete]=5714)
authorization=
if [ "${ACCESS:-}" != none ]; then
  # The password is "benchmark", and its hash as expensive as usual.
  echo 'bench:$2b$10$.BsDREv.nKR/5u2mlkAdsOL3ItVJ54h6b4T3/VZhNNG6eQRn5lbFm' > "$place/htpasswd"
  authorization="Basic $(printf bench:benchmark | base64)"
fi
start_ours() { # PORT OPTION...
  local options=(--backend "file://$place/ours")
  [ -z "$authorization" ] || options=(--root "$place/ours" --depth 2 --users "$place/htpasswd" --private-repos --metrics-listen $(($1 + 10)) "${@:2}")
  start "$1" "$server" --port "$1" --log-level warning --durability each "${options[@]}"
}
start_theirs() { # PORT OPTION...
  local options=(--no-auth)
  [ -z "$authorization" ] || options=(--htpasswd-file "$place/htpasswd" --private-repos --prometheus "${@:2}")
  start "$1" quiet "$theirs" --listen "127.0.0.1:$1" --path "$place/theirs" "${options[@]}"
}
for name in "${servers[@]}"; do
  "start_$name" "${port[$name]}" --append-only
  "start_$name" "${port[$name-delete]}"
done

measure() { # OPERATION CONNECTIONS NAME: prints the requests per second
  local set=full access= names=$place/full/names
  case $1 in
    exists) set=hollow names=$place/few/names ;;
    list) set=few ;;
    store) set=changed && prepare "$3" empty ;;
    delete) set=changed access=-delete && prepare "$3" full ;;
  esac
  requests "$3" bench/rest-server.lua "$2" "$seconds" "http://127.0.0.1:${port[$3$access]}" "$3" "$1" "/bench/$set" "$names" "$authorization"
}

read -ra operations <<< "${OPERATIONS:-load exists list store delete}"
connections=(1 16 64)
for operation in "${operations[@]}"; do
  # Both are warm before anything counts: .NET compiles what is used often.
  for name in "${servers[@]}"; do measure "$operation" 16 "$name" > /dev/null || true; done
done
for ((round = 1; round <= rounds; round++)); do
  # Either comes first in turn.
  order=("${servers[@]}")
  if ((round % 2 == 0 && ${#servers[@]} > 1)); then order=(theirs ours); fi
  for operation in "${operations[@]}"; do
    for count in "${connections[@]}"; do
      # rest-server verifies passwords for longer than wrk waits; its figure counts those requests.
      for name in "${order[@]}"; do measure "$operation" "$count" "$name" >> "$place/$operation-$count-$name" || true; done
    done
  done
done

[ -z "$theirs" ] || "$theirs" --version | grep . >&2
echo "| request | connections | ours [1/s] | rest-server [1/s] | ours / rest-server |"
echo "|---|--:|--:|--:|--:|"
for operation in "${operations[@]}"; do
  for count in "${connections[@]}"; do
    figures=()
    for name in "${servers[@]}"; do figures+=("$(median < "$place/$operation-$count-$name")"); done
    awk -v operation="$operation" -v count="$count" -v ours="${figures[0]}" -v theirs="${figures[1]:-}" \
      'BEGIN { printf "| %s | %d | %d | %s | %s |\n", operation, count, ours, theirs, (theirs ? sprintf("%.2f", ours / theirs) : "") }'
  done
done
# In the order in which they were started.
echo "most memory [MiB]:$(for ((i = 0; i < ${#pids[@]}; i += 2)); do
  echo -n " ${servers[i / 2]} $(awk '/VmHWM/ { print int($2 / 1024) }' "/proc/${pids[i]}/status")"
done)"
