#!/usr/bin/env bash
# Measures how a server grows, for docs/scale.md: one server over a folder with more and more values of 1 KiB (a listing of all, loads and stores with
# 1, 16 and 64 connections, memory), then 1, 2 and 3 servers over an S3 server of its own (Ceph in memory) behind nginx with the configuration in deploy/.
# usage: bench/scale.sh [SECONDS [ITEMS...]]     seconds for each figure (10), numbers of values in the folder (10000 100000 1000000)
# env:   S3_ITEMS, the number of values in the bucket (10000; 0 leaves S3 out)   TMPDIR, where the folder is: 5 GB for a million values
#        BENCH_BUILT=1, nothing is built
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-10} s3_items=${S3_ITEMS:-10000}
shift || true
[ $# -gt 0 ] || set -- 10000 100000 1000000
for program in wrk nginx curl; do
  PATH=$PATH:/usr/sbin command -v $program > /dev/null || { echo "$program is missing; install it (Debian: apt-get install wrk nginx-light curl)" >&2; exit 1; }
done
PATH=$PATH:/usr/sbin
source bench/wrk.sh
ulimit -n 8192 2> /dev/null || true
place=$(mktemp -d "${TMPDIR:-/tmp}/borgstore-bench.XXXXXX")
stop() {
  trap - EXIT
  if [ -n "${to_ceph:-}" ]; then eval "exec $to_ceph>&-"; fi
  # Only running jobs are killed: the number of an ended one may have been reused.
  # shellcheck disable=SC2046
  kill $(jobs -pr) 2> /dev/null || true
  wait 2> /dev/null || true
  rm -rf "$place"
}
trap stop EXIT

if [ -z "${BENCH_BUILT:-}" ]; then
  dotnet build bench/Rest -c Release -v quiet --nologo >&2
  dotnet build src/BorgStore.Server -c Release -v quiet --nologo >&2
fi
helper=$(find artifacts/bin/Rest -ipath '*release/BorgStore.Benchmarks.Rest.dll' | head -1)
server=$(find artifacts/bin/BorgStore.Server -ipath '*release/borgstore-server-rest' | head -1)

# Loads a random value of the first $COUNT, or stores new ones. The names are those of the helper.
cat > "$place/requests.lua" << 'L'
wrk.headers["Accept"] = "application/vnd.x.borgstore.rest.v1"
local count, next = tonumber(os.getenv("COUNT")), tonumber(os.getenv("BASE"))
local stores = os.getenv("WHAT") == "store"
function init() math.randomseed(os.time()) end
function request()
  local i = math.random(0, count - 1)
  if stores then next = next + 1; i = next end
  local key = string.format("%08x", (i * 2654435761) % 4294967296)
  local name = "/" .. string.sub(key, 1, 2) .. "/" .. key
  if stores then return wrk.format("POST", "/new" .. name, nil, string.rep("x", 1024)) end
  return wrk.format("GET", "/data1" .. name)
end
L

wait_for() { # URL
  for _ in $(seq 100); do
    if [ "$(curl -s -o /dev/null -w '%{http_code}' "$1/?cmd=health")" = 204 ]; then return; fi
    sleep 0.1
  done
  echo "$1 does not answer" >&2
  exit 1
}
# Prints requests per second, median [ms], 99th percentile [ms], and the server's time on processors per request [us].
measure() { # URL load|store CONNECTIONS COUNT PID
  local before
  before=$(ticks "$5")
  # Each number of connections stores names of its own.
  COUNT=$4 WHAT=$2 BASE=$(($4 + $3 * 3125)) wrk -t1 -c"$3" -d"${seconds}s" --latency -s "$place/requests.lua" "$1" > "$place/wrk.out"
  if grep -q 'Non-2xx\|Socket errors' "$place/wrk.out"; then grep 'Non-2xx\|Socket errors' "$place/wrk.out" >&2; fi
  awk -v ticks=$(($(ticks "$5") - before)) 'function ms(t) { return t ~ /us$/ ? t / 1000 : t ~ /ms$/ ? t + 0 : t * 1000 }
    $1 == "50%" { m = ms($2) } $1 == "99%" { p = ms($2) } $2 == "requests" { n = $1 }
    /Requests\/sec/ { printf "%d, %.2f, %.2f, %d\n", $2, m, p, ticks * 10000 / n }' "$place/wrk.out"
}
memory() { awk '/VmRSS/ { rss = $2 } /VmHWM/ { most = $2 } END { printf "%d MiB now, %d MiB at most\n", rss / 1024, most / 1024 }' "/proc/$1/status"; }
# The middle one of three.
list() { # URL LEVELS COUNT
  for _ in 1 2 3; do dotnet "$helper" list "$1" "$2"; done | while read -r count time; do
    [ "$count" = "$3" ] || { echo "$count of $3 values are listed" >&2; exit 1; }
    echo "$time"
  done | sort -n | sed -n 2p
}

echo "one server over a folder, values of 1 KiB in a namespace with one level, as that of Borg 2; requests: number a second, median [ms], 99th percentile [ms], time of the (first) server on processors [us] per request of all"
url=http://127.0.0.1:5711
filled=0
for items in "$@"; do
  dotnet "$helper" fill "file://$place/store" 1 "$filled" "$items"
  filled=$items
  sync
  "$server" --port 5711 --backend "file://$place/store" 2> "$place/server.log" &
  pid=$!
  wait_for "$url"
  curl -s -o /dev/null -H 'Accept: application/vnd.x.borgstore.rest.v1' "$url//"
  echo "$items values: memory of the server before: $(memory "$pid")"
  echo "$items values: all are listed in $(list "$url" 1 "$items") s; memory: $(memory "$pid")"
  for what in load store; do
    for connections in 1 16 64; do
      echo "$items values: $what, $connections connection(s): $(measure "$url" "$what" "$connections" "$items" "$pid")"
    done
  done
  echo "$items values: load, 1000 connections: $(measure "$url" load 1000 "$items" "$pid")"
  echo "$items values: memory of the server in the end: $(memory "$pid")"
  kill "$pid"
  wait "$pid" 2> /dev/null || true
  rm -rf "$place/store/new"
done
rm -rf "$place/store"

[ "$s3_items" -gt 0 ] || exit 0
coproc ceph { exec bash tests/servers/ceph.sh "$place/ceph"; }
to_ceph=${ceph[1]}
read -r state endpoint access_key secret_key _ <&"${ceph[0]}" || true
[ "${state:-}" = ready ] || { echo "Ceph did not start: ${state:-} ${endpoint:-}; tests/servers/install.sh installs it." >&2; exit 1; }
# Some versions of curl do not sign the hash of a missing body unless it is given.
empty=$(sha256sum < /dev/null | cut -d ' ' -f 1)
curl -s -f -X PUT --aws-sigv4 aws:amz:us-east-1:s3 -H "x-amz-content-sha256: $empty" --user "$access_key:$secret_key" "$endpoint/bench" > /dev/null
export AWS_ACCESS_KEY_ID=$access_key AWS_SECRET_ACCESS_KEY=$secret_key AWS_EC2_METADATA_DISABLED=true

echo "servers over a bucket behind nginx, $s3_items values of 1 KiB; requests: number a second, median [ms], 99th percentile [ms], time of the (first) server on processors [us] per request of all"
front=http://127.0.0.1:5720
instances=()
for count in 1 2 3; do
  "$server" --port $((5720 + count)) --backend "s3:$endpoint/bench/store" 2> "$place/server$count.log" &
  instances+=($!)
  wait_for "http://127.0.0.1:$((5720 + count))"
  if [ "$count" = 1 ]; then
    dotnet "$helper" fill http://127.0.0.1:5721 2 0 "$s3_items"
    dotnet "$helper" fill http://127.0.0.1:5721 1 0 "$s3_items"
    for what in load store; do
      echo "one server without nginx: $what, 16 connection(s): $(measure http://127.0.0.1:5721 "$what" 16 "$s3_items" "${instances[0]}")"
    done
  fi
  mkdir -p "$place/nginx"
  {
    echo "daemon off; pid $place/nginx/pid; events { worker_connections 512; } http { access_log off; client_body_temp_path $place/nginx/body; proxy_temp_path $place/nginx/proxy;"
    echo "fastcgi_temp_path $place/nginx/fastcgi; uwsgi_temp_path $place/nginx/uwsgi; scgi_temp_path $place/nginx/scgi;"
    sed -e '/ssl_certificate/d' -e 's/listen 443 ssl/listen 127.0.0.1:5720/' \
      -e 's/server 192\.0\.2\.11:5618/server 127.0.0.1:5721/' -e 's/server 192\.0\.2\.12:5618/server 127.0.0.1:5722/' -e 's/server 192\.0\.2\.13:5618/server 127.0.0.1:5723/' \
      deploy/nginx-instances.conf | awk -v last=$((5720 + count)) '!(/server 127/ && substr($2, 11, 4) > last)'
    echo "}"
  } > "$place/nginx.conf"
  nginx -p "$place/nginx" -c "$place/nginx.conf" -e stderr 2> "$place/nginx.log" &
  nginx=$!
  wait_for "$front"
  for what in load store; do
    for connections in 1 16 64; do
      echo "$count server(s): $what, $connections connection(s): $(measure "$front" "$what" "$connections" "$s3_items" "${instances[0]}")"
    done
  done
  echo "$count server(s): all values are listed in $(list "$front" 1 "$s3_items") s with one level, $(list "$front" 2 "$s3_items") s with two"
  kill "$nginx"
  wait "$nginx" 2> /dev/null || true
done
for pid in "${instances[@]}"; do echo "memory of a server: $(memory "$pid")"; done
