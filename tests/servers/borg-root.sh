#!/usr/bin/env bash
# Creates a root file system with today's Borg 2 and Python borgstore, from Debian's unstable suite, in about two minutes (700 MB).
#
#   borg-root.sh             creates it if it is missing, broken or older than a week; prints the versions in it
#   borg-root.sh --versions  prints the versions, or nothing
#
# It is outside the checkout and kept between runs. It appears completely or not at all, and a new one replaces a working old
# one only when it is complete. borg-root-run runs the programs in it. Needs root, Debian and its mirror, which apt knows.
#
# BORGSTORE_TEST_CACHE   its folder (by default ~/.cache/borgstore-tests)
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
cache=${BORGSTORE_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/borgstore-tests}
root=$cache/borg-root # a link to the newest one, which is replaced at once
days=7
packages=borgbackup2,python3-borgstore,python3-requests,python3-paramiko,openssh-client,rclone

# Inside its own namespaces, so that all mounts and processes disappear when they end.
make() { # FOLDER
  local mirror proxy
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
  [ -n "$mirror" ] || { echo "apt knows no mirror of Debian here; apt-get update finds it"; return 1; }
  proxy=$(apt-config shell proxy Acquire::http::Proxy | sed "s/^proxy='\(.*\)'$/\1/")
  [ -z "$proxy" ] || export http_proxy=$proxy
  debootstrap --variant=minbase --include=ca-certificates sid "$1" "$mirror"
  # apt uses the mirror in there in the same way as out here.
  apt-config dump | grep -E '^Acquire::(https?|Check-|Retries|ForceIPv)' > "$1/etc/apt/apt.conf.d/99machine" || true
  cp /etc/resolv.conf /etc/hosts "$1/etc/"
  # Durability is not needed here, nor are manual pages.
  echo force-unsafe-io > "$1/etc/dpkg/dpkg.cfg.d/fast"
  printf 'path-exclude=/usr/share/%s/*\n' doc man locale > "$1/etc/dpkg/dpkg.cfg.d/small"
  mount --bind /proc "$1/proc"
  mount --bind /dev "$1/dev"
  DEBIAN_FRONTEND=noninteractive chroot "$1" apt-get install -q -y --no-install-recommends ${packages//,/ }
  chroot "$1" apt-get clean
  rm -rf "$1"/var/lib/apt/lists/*
  echo "$packages" > "$1/borg-root.packages"
}

versions() {
  local text
  text=$({
    bash "$here/borg-root-run" python3 -c 'import borgstore, platform; print("borgstore", borgstore.__version__, "on Python", platform.python_version())' &&
      bash "$here/borg-root-run" borg2 --version &&
      date -r "$root/borg-root.packages" '+made %F'
  } 2> /dev/null) || return 1
  echo "$text" | paste -s -d ',' | sed 's/,/, /g'
}

is_fresh() {
  [ "$(cat "$root/borg-root.packages" 2> /dev/null)" = "$packages" ] && [ -n "$(find "$root/borg-root.packages" -mtime "-$days")" ]
}

case ${1:-} in
  --make) make "$2"; exit ;;
  --versions) versions; exit ;;
esac
if is_fresh && versions; then exit; fi

mkdir -p "$cache"
exec 9> "$cache/borg-root.lock"
flock 9
# Another run may have created it meanwhile.
if is_fresh && versions; then exit; fi

folder=$cache/borg-root-$(date +%Y%m%d%H%M%S)
log=$cache/borg-root.log
maker=
clean() {
  trap - EXIT INT TERM HUP
  [ -z "$maker" ] || kill -KILL "$maker" 2> /dev/null || true
  { wait; } 2> /dev/null
  rm -rf --one-file-system "$folder.making"
}
trap clean EXIT
trap 'exit 130' INT TERM HUP
# Left behind by a run that was killed.
rm -rf --one-file-system "$cache"/borg-root-*.making

reason=
if [ "$(id -u)" != 0 ]; then reason="that takes root"
elif ! grep -qx 'ID=debian' /etc/os-release; then reason="that takes Debian"
elif ! command -v debootstrap > /dev/null; then reason="that takes debootstrap"
else
  echo "Making a root file system with Borg 2 and Python borgstore in $folder; see $log"
  # Even after kill -9 no process or mount of it is left behind.
  setpriv --pdeathsig KILL unshare --mount --propagation private --pid --mount-proc --fork --kill-child \
    bash "$0" --make "$folder.making" > "$log" 2>&1 < /dev/null 9>&- &
  maker=$!
  wait "$maker" || reason=$(tail -n 3 "$log")
  maker=
fi
if [ -z "$reason" ]; then
  mv "$folder.making" "$folder"
  previous=$(readlink -f "$root" || true)
  ln -sfn "$folder" "$root.new"
  mv -T "$root.new" "$root"
  # The previous one may still be in use; older ones are not.
  for old in "$cache"/borg-root-[0-9]*; do
    [ "$old" = "$folder" ] || [ "$old" = "$previous" ] || rm -rf --one-file-system "$old"
  done
  versions && exit
  reason="its programs don't run"
fi
echo "No new root file system with Borg 2 and Python borgstore: $reason" >&2
# An old one is better than none.
versions
