#!/usr/bin/env bash
# Measures Borg's create, list, extract and check (with and without the data) on a local folder, through our server, and
# through the Python package's own server. All alternate in one run; medians in seconds. Needs tests/servers/borg-root.sh.
# usage: bench/borg.sh [MIB [FILES [ROUNDS]]]
set -euo pipefail
cd "$(dirname "$0")/.."
size=${1:-256} files=${2:-4000} rounds=${3:-3}
root=$PWD/tests/servers/borg-root-run
place=$(mktemp -d "${TMPDIR:-/tmp}/borgstore-bench.XXXXXX")
pids=()
trap 'kill "${pids[@]}" 2> /dev/null || true; wait 2> /dev/null || true; rm -rf "$place"' EXIT

dotnet publish src/BorgStore.Server -c Release --use-current-runtime -o "$place/server" -v quiet --nologo >&2
mkdir "$place/tree" "$place/times"
for ((i = 0; i < files; i++)); do
  mkdir -p "$place/tree/$((i % 50))"
  head -c $((size * 1024 * 1024 / files)) /dev/urandom > "$place/tree/$((i % 50))/$i"
done

export BORG_PASSPHRASE=bench BORG_TESTONLY_WEAKEN_KDF=1 BORG_DELETE_I_KNOW_WHAT_I_AM_DOING=YES LC_ALL=C.UTF-8
export BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes BORG_RELOCATED_REPO_ACCESS_IS_OK=yes
declare -A url=([local]="$place/local" [ours]=http://127.0.0.1:5711/ [python]=http://127.0.0.1:5712/)
mkdir "$place/ours" "$place/python"
"$place/server/borgstore-server-rest" --port 5711 --backend "file://$place/ours" 2> "$place/ours.log" & pids+=($!)
"$root" python3 -m borgstore.server.rest --port 5712 --backend "file://$place/python" 2> "$place/python.log" & pids+=($!)
sleep 3

# timed WHERE WHAT COMMAND...
timed() {
  local where=$1 what=$2 from to
  shift 2
  from=$(date +%s%N)
  env BORG_REPO="${url[$where]}" BORG_BASE_DIR="$place/home-$where" "$root" borg2 "$@" > "$place/output" 2>&1 ||
    { echo "borg $* ($where):" >&2; cat "$place/output" >&2; exit 1; }
  to=$(date +%s%N)
  echo $(((to - from) / 10000000)) | tee -a "$place/times/$what-$where" | sed "s/^/$what $where: /; s/$/ centiseconds/" >&2
}

steps=(create list extract check verify)
for ((round = 0; round < rounds; round++)); do
  for where in local ours python; do
    rm -rf "$place/home-$where" "$place/out"
    mkdir -p "$place/out"
    timed "$where" repo-create repo-create --encryption=aes256-ocb
    (cd "$place" && timed "$where" create create one tree)
    timed "$where" list list one
    (cd "$place/out" && timed "$where" extract extract one)
    diff -r "$place/tree" "$place/out/tree"
    timed "$where" check check
    timed "$where" verify check --verify-data
    timed "$where" repo-delete repo-delete
  done
done

median() { sort -n | awk '{ a[NR] = $1 } END { printf "%.2f", a[int((NR + 1) / 2)] / 100 }'; }
echo "$size MiB in $files files, seconds (local folder, our server, Python's server):"
for what in "${steps[@]}"; do
  echo "$what: $(for where in local ours python; do median < "$place/times/$what-$where"; echo -n " "; done)"
done
