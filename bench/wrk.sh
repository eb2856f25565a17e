# Functions of the scripts that measure servers with wrk; source it in the root of the tree.
command -v wrk > /dev/null || { echo "wrk is missing; install it (Debian: apt-get install wrk)" >&2; exit 1; }

# begin DIRECTORY: makes the folder $place in DIRECTORY, and builds the helper of bench/Rest ($helper) and our server ($server).
begin() {
  place=$(mktemp -d "$1/borgstore-bench.XXXXXX")
  pids=()
  trap 'kill "${pids[@]}" 2> /dev/null || true; wait 2> /dev/null || true; rm -rf "$place"' EXIT
  dotnet build bench/Rest -c Release -v quiet --nologo >&2
  dotnet publish src/BorgStore.Server -c Release --use-current-runtime -o "$place/server" -v quiet --nologo >&2
  helper=$(find artifacts/bin/Rest -ipath '*release/BorgStore.Benchmarks.Rest.dll' | head -1)
  server=$place/server/borgstore-server-rest
}

# start PORT COMMAND...: starts a server and waits until it listens on the port. It ends with the script.
start() {
  local port=$1
  shift
  "$@" & pids+=($!)
  for ((try = 0; try < 300; try++)); do
    if (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null; then return; fi
    kill -0 "${pids[-1]}" 2> /dev/null || break
    sleep 0.1
  done
  echo "The server on port $port did not start: $*" >&2
  exit 1
}

# quiet COMMAND...: runs a server that writes more to stderr than anybody wants.
quiet() { exec "$@" 2> /dev/null; }

# requests NAME SCRIPT CONNECTIONS SECONDS URL [ARGUMENT...]: prints the requests per second. Fails after responses that are errors.
requests() {
  local name=$1 script=$2 connections=$3 seconds=$4 url=$5
  shift 5
  wrk -t1 -c"$connections" -d"${seconds}s" -s "$script" "$url" -- "$@" > "$place/wrk.out" || exit 1
  # The last one counts: a script may print its own.
  awk '/Requests\/sec/ { rate = int($2) } END { print rate }' "$place/wrk.out"
  if grep -E 'Non-2xx|Socket errors' "$place/wrk.out" | sed "s/^ */$name, $(basename "$script" .lua), $connections connection(s): /" | grep . >&2; then return 1; fi
}

median() { sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }

# ticks PROCESS: prints its time on processors [1/100 s].
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
