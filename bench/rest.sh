#!/usr/bin/env bash
# Measures requests per second for values of 1 KiB, with 1, 16 and 64 connections: our server, bare and with users, rights, metrics and the audit
# log (all), compared with the floor (a bare Kestrel handler that reads and writes the same files without any checks), with the same and the least
# that a login, metrics and an audit log take (books), and the Python server if it can be imported. All alternate in one run. The time of each
# server on processors per request varies less than requests per second, which a client on the same processors takes part in.
# Then transfers one large value both ways, with the peak memory of the server, and gathers 1,000 ranges of many items with a delay of 20 ms each way.
# usage: bench/rest.sh [SECONDS [ROUNDS [GIB [WARMUP_SECONDS]]]]
#
# The Python server delays small bodies by about 40 ms (Nagle), which dominates its figure for loads.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-5} rounds=${2:-3} gib=${3:-5} warmup=${4:-5}
source bench/wrk.sh
begin "${TMPDIR:-/tmp}"

value=$(head -c 1024 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
for name in ours all/bench floor books/bench python; do
  mkdir -p "$place/$name/data"
  printf '%s' "$value" | sed 's/../\\x&/g' | xargs -0 printf > "$place/$name/data/value"
done
# The password is "benchmark", and its hash as expensive as usual.
echo 'bench:$2b$10$.BsDREv.nKR/5u2mlkAdsOL3ItVJ54h6b4T3/VZhNNG6eQRn5lbFm' > "$place/htpasswd"
login="Basic $(printf bench:benchmark | base64)"
echo '{"users": {"bench": {"stores": {"bench": "all"}}}}' > "$place/rights.json"

start 5701 "$server" --port 5701 --backend "file://$place/ours"
declare -A process=([ours]=${pids[-1]})
start 5702 dotnet "$helper" floor 5702 "$place/floor"
process[floor]=${pids[-1]}
start 5704 "$server" --port 5704 --log-level warning --root "$place/all" --users "$place/htpasswd" --rights "$place/rights.json" \
  --metrics-listen 5714 --audit-log "$place/audit.log"
process[all]=${pids[-1]}
start 5705 dotnet "$helper" floor 5705 "$place/books" "$login" "$place/books.log"
process[books]=${pids[-1]}
servers=(floor:5702 ours:5701 books:5705 all:5704)
if python3 -c 'import borgstore' 2> /dev/null; then
  start 5703 quiet python3 -m borgstore.server.rest --port 5703 --backend "file://$place/python"
  process[python]=${pids[-1]}
  servers+=(python:5703)
fi

cat > "$place/load.lua" << 'L'
wrk.headers["Accept"] = "application/vnd.x.borgstore.rest.v1"
function init(arguments)
  wrk.headers["Authorization"] = arguments[2]
  wrk.path = (arguments[1] or "") .. "/data/value"
  value = wrk.format()
end
function request() return value end
L
cat > "$place/store.lua" << 'L'
wrk.method = "POST"
wrk.headers["Accept"] = "application/vnd.x.borgstore.rest.v1"
wrk.body = string.rep("x", 1024)
local n, base = 0, ""
function init(arguments)
  wrk.headers["Authorization"] = arguments[2]
  base = arguments[1] or ""
end
function request() n = n + 1; return wrk.format(nil, base .. "/data/w" .. n % 1000) end
L

ratio() { echo "$(median < "$place/$what-$connections-$1") $(median < "$place/$what-$connections-floor")" | awk '{ printf "%.2f", $1 / $2 }'; }
# run ENTRY SECONDS: prints the requests per second of a server, and notes its time on processors [us] per request.
run() {
  local name=${1%:*} port=${1#*:} access=() before
  [[ $name != @(all|books) ]] || access=(/bench "$login")
  before=$(ticks "${process[$name]}")
  # Python's server refuses some of several concurrent requests; its figure counts them.
  requests "$name" "$place/$what.lua" "$connections" "$2" "http://127.0.0.1:$port" "${access[@]}" || true
  awk -v ticks=$(($(ticks "${process[$name]}") - before)) '$2 == "requests" { print int(ticks * 10000 / $1) }' "$place/wrk.out" >> "$place/$what-$connections-$name.cpu"
}

for what in store load; do
  for connections in 1 16 64; do
    # The runtime compiles hot code again while it runs, so the first seconds say little about a server.
    for entry in "${servers[@]}"; do run "$entry" "$warmup" > /dev/null; done
    rm "$place"/*.cpu
    for round in $(seq "$rounds"); do
      for entry in "${servers[@]}"; do run "$entry" "$seconds" >> "$place/$what-$connections-${entry%:*}"; done
      dotnet "$helper" client http://127.0.0.1:5701 "$what" "$connections" "$seconds" >> "$place/$what-$connections-client"
    done
    echo "$what, $connections connection(s) [requests/s]:$(for name in floor ours books all python client; do
      [ ! -f "$place/$what-$connections-$name" ] || echo -n " $name $(median < "$place/$what-$connections-$name")"
    done), ours/floor $(ratio ours) books/floor $(ratio books) all/floor $(ratio all)"
    echo "  time on processors [us/request]:$(for entry in "${servers[@]}"; do echo -n " ${entry%:*} $(median < "$place/$what-$connections-${entry%:*}.cpu")"; done)"
  done
done

echo "$gib GiB, one value:"
dotnet "$helper" big http://127.0.0.1:5701 $((gib << 30))
awk '/VmHWM/ { printf "most memory of the server: %d MiB\n", $2 / 1024 }' "/proc/${process[ours]}/status"

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
