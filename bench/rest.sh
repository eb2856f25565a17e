#!/usr/bin/env bash
# Measures requests per second for values of 1 KiB, with one connection and with sixteen: our server, compared with the floor (a bare Kestrel
# handler that reads and writes the same files without any checks) and the Python server if it can be imported. All alternate in one run.
# Then transfers one large value both ways, with the peak memory of the server, and gathers 1,000 ranges of many items with a delay of 20 ms each way.
# usage: bench/rest.sh [SECONDS [ROUNDS [GIB]]]
#
# The Python server delays small bodies by about 40 ms (Nagle), which dominates its figure for loads.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-5} rounds=${2:-3} gib=${3:-5}
command -v wrk > /dev/null || { echo "wrk is missing; install it (Debian: apt-get install wrk)" >&2; exit 1; }
place=$(mktemp -d "${TMPDIR:-/tmp}/borgstore-bench.XXXXXX")
pids=()
trap 'kill "${pids[@]}" 2> /dev/null || true; wait 2> /dev/null || true; rm -rf "$place"' EXIT

dotnet build bench/Rest -c Release -v quiet --nologo >&2
dotnet publish src/BorgStore.Server -c Release --use-current-runtime -o "$place/server" -v quiet --nologo >&2
helper=$(find artifacts/bin/Rest -ipath '*release/BorgStore.Benchmarks.Rest.dll' | head -1)
server=$place/server/borgstore-server-rest

value=$(head -c 1024 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
for name in ours floor python; do
  mkdir -p "$place/$name/data"
  printf '%s' "$value" | sed 's/../\\x&/g' | xargs -0 printf > "$place/$name/data/value"
done

"$server" --port 5701 --backend "file://$place/ours" & pids+=($!)
ours=$!
dotnet "$helper" floor 5702 "$place/floor" & pids+=($!)
servers=(floor:5702 ours:5701)
if python3 -c 'import borgstore' 2> /dev/null; then
  python3 -m borgstore.server.rest --port 5703 --backend "file://$place/python" 2> /dev/null & pids+=($!)
  servers+=(python:5703)
fi
sleep 3

cat > "$place/load.lua" << 'L'
wrk.headers["Accept"] = "application/vnd.x.borgstore.rest.v1"
wrk.path = "/data/value"
L
cat > "$place/store.lua" << 'L'
wrk.method = "POST"
wrk.headers["Accept"] = "application/vnd.x.borgstore.rest.v1"
wrk.body = string.rep("x", 1024)
local n, t = 0, 0
function setup(thread) thread:set("id", t); t = t + 1 end
function request() n = n + 1; return wrk.format(nil, "/data/w" .. id .. "-" .. n % 1000) end
L

median() { sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }
for what in store load; do
  for connections in 1 16; do
    for round in $(seq "$rounds"); do
      for entry in "${servers[@]}"; do
        name=${entry%:*} port=${entry#*:}
        wrk -t1 -c"$connections" -d"${seconds}s" -s "$place/$what.lua" "http://127.0.0.1:$port" > "$place/wrk.out"
        if grep -q 'Non-2xx' "$place/wrk.out"; then echo "$name: $(grep Non-2xx "$place/wrk.out")" >&2; fi
        awk '/Requests\/sec/ { print int($2) }' "$place/wrk.out" >> "$place/$what-$connections-$name"
      done
      dotnet "$helper" client http://127.0.0.1:5701 "$what" "$connections" "$seconds" >> "$place/$what-$connections-client"
    done
    echo "$what, $connections connection(s) [requests/s]:$(for name in floor ours python client; do
      [ ! -f "$place/$what-$connections-$name" ] || echo -n " $name $(median < "$place/$what-$connections-$name")"
    done), ours/floor $(echo "$(median < "$place/$what-$connections-ours") $(median < "$place/$what-$connections-floor")" | awk '{ printf "%.2f", $1 / $2 }')"
  done
done

echo "$gib GiB, one value:"
dotnet "$helper" big http://127.0.0.1:5701 $((gib << 30))
awk '/VmHWM/ { printf "most memory of the server: %d MiB\n", $2 / 1024 }' "/proc/$ours/status"

echo "over a line of 20 ms each way:"
dotnet "$helper" gather 5701 20

echo "from the start to the first answer on stdin [ms]: $(for round in 1 2 3 4 5 6 7; do
  from=$(date +%s%N)
  coproc stdio { "$server" --stdio --backend "FILE:$place/ours"; }
  printf 'HEAD / HTTP/1.1\r\nAccept: application/vnd.x.borgstore.rest.v1\r\n\r\n' >&"${stdio[1]}"
  head -c 15 <&"${stdio[0]}" > /dev/null
  echo $((($(date +%s%N) - from) / 1000000))
  exec {stdio[1]}>&-
  wait
done | median)"
