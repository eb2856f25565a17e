#!/usr/bin/env bash
# Measures the SFTP backend on its own loopback sshd, over the ssh program and over SSH.NET, compared with the sftp program and the Python
# package if it can be imported. All alternate in one run, in memory if there is /dev/shm; medians.
# usage: bench/sftp.sh [MIB [COUNT [ROUNDS]]]
set -euo pipefail
cd "$(dirname "$0")/.."

size=${1:-500} count=${2:-20000} rounds=${3:-5}
base=/dev/shm
[ -w "$base" ] || base=${TMPDIR:-/tmp}
place=$(mktemp -d "$base/borgstore-bench.XXXXXX")
trap 'kill "$(cat "$place/pid" 2> /dev/null)" 2> /dev/null || true; rm -rf "$place"' EXIT

port=${PORT:-22022}
for key in host id; do ssh-keygen -q -t ed25519 -N '' -f "$place/$key"; done
mkdir -p "$place/.ssh"
echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$place/host.pub")" > "$place/.ssh/known_hosts"
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
cat > "$place/sshd_config" << C
ListenAddress 127.0.0.1:$port
HostKey $place/host
PidFile $place/pid
AuthorizedKeysFile $place/id.pub
StrictModes no
PermitRootLogin yes
UsePAM no
Subsystem sftp internal-sftp
C
cat > "$place/.ssh/config" << C
Host 127.0.0.1
  IdentityFile $place/id
  IdentitiesOnly yes
  UserKnownHostsFile $place/.ssh/known_hosts
C
"$(command -v sshd || echo /usr/sbin/sshd)" -f "$place/sshd_config" -E "$place/log"

dotnet build bench/Benchmarks -c Release --verbosity quiet --nologo >&2
benchmarks=$(find artifacts/bin/Benchmarks -ipath '*release/BorgStore.Benchmarks.dll' | head -1)
head -c "${size}M" /dev/urandom > "$place/large"
megabytes=$((size * 1048576 / 1000000))
url=sftp://$(id -un)@127.0.0.1:$port/$place/store

turns=4
# The program's own figure includes its login, which is measured separately and subtracted.
timed() { # COMMANDS
  local from to
  from=$(date +%s%N)
  sftp -q -F "$place/.ssh/config" -P "$port" -b - 127.0.0.1 <<< "$1" > /dev/null
  to=$(date +%s%N)
  echo $(((to - from) / 1000000))
}
repeated() { for ((turn = 0; turn < turns; turn++)); do echo "$1"; done; }
program() {
  local login up down
  login=$(timed pwd)
  up=$(timed "$(repeated "put $place/large $place/up")")
  down=$(timed "$(repeated "get $place/up $place/down")")
  echo "up $((turns * megabytes * 1000 / (up - login))) MB/s"
  echo "down $((turns * megabytes * 1000 / (down - login))) MB/s"
  rm -f "$place/up" "$place/down"
}

runners=(ours ssh.net program)
if [ -n "${PYTHON:-}" ] || python3 -c 'import borgstore, paramiko' 2> /dev/null; then runners+=(python); fi
for ((round = 0; round < rounds; round++)); do
  for runner in "${runners[@]}"; do
    case $runner in
      ours) BORGSTORE_RSH="ssh -F $place/.ssh/config" dotnet "$benchmarks" sftp "$url" "$place/large" "$count" ;;
      ssh.net) HOME=$place dotnet "$benchmarks" sftp "$url?transport=ssh.net&key=$place/id" "$place/large" "$count" ;;
      program) program ;;
      # It has one operation in flight, so a smaller number is just as meaningful.
      python) HOME=$place "${PYTHON:-python3}" bench/sftp.py "$url" "$place/large" $((count / 20)) ;;
    esac | sed "s/^/$runner /" >> "$place/results"
    rm -rf "$place/store"
  done
done

sort -k1,2 -k3n "$place/results" | awk '
  { key = $1 " " $2; if (key != last) { show(); last = key; n = 0 } value[++n] = $3; unit = $4 }
  END { show() }
  function show() { if (n) printf "%-8s %-7s %8d %s (%d .. %d)\n", who(last), what(last), value[int((n + 1) / 2)], unit, value[1], value[n] }
  function who(k) { return substr(k, 1, index(k, " ") - 1) }
  function what(k) { return substr(k, index(k, " ") + 1) }'
