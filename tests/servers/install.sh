#!/usr/bin/env bash
# Installs the servers and tools that tests start, from Debian's packages, as far as possible.
# Tests that need a missing one are skipped, with a message.
set -u
wanted=(strace)
# Other C libraries and processors, for tests/systems.
[ "${BORGSTORE_TEST_SYSTEMS:-1}" = 0 ] || wanted+=(gcc libc6-dev musl-tools qemu-user-static)
# File systems in user space, which need the kernel's device; a compiler for the one whose power is cut, and file systems to put on it.
[ ! -e /dev/fuse ] || wanted+=(bindfs mergerfs gocryptfs gcc libc6-dev e2fsprogs xfsprogs btrfs-progs)
if [ "${BORGSTORE_TEST_SERVERS:-1}" != 0 ]; then
  wanted+=(openssh-server openssh-client proftpd-core proftpd-mod-crypto nginx-light systemd)
  wanted+=(rclone debootstrap python3-requests python3-paramiko ceph-mon ceph-mgr ceph-osd radosgw ceph-common)
  # Other distributions have no such package.
  ! grep -qx ID=debian /etc/os-release || wanted+=(chromium)
  command -v npm > /dev/null || wanted+=(nodejs npm)
fi
missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo "Not installed, since that takes root and apt-get: ${missing[*]}"
  else
    echo "Installing ${missing[*]} for the tests (BORGSTORE_TEST_INSTALL=0 to leave that out)"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -q && apt-get install -q -y --no-install-recommends "${missing[@]}"; } > /tmp/borgstore-install.log 2>&1 ||
      echo "Some could not be installed; see /tmp/borgstore-install.log"
  fi
fi
# The library that drives Chromium; its browsers are not downloaded.
browser=$(dirname "$0")/../browser
if [ "${BORGSTORE_TEST_SERVERS:-1}" != 0 ] && command -v npm > /dev/null && ! [ "$browser/node_modules/.package-lock.json" -nt "$browser/package-lock.json" ]; then
  npm ci --prefix "$browser" --no-audit --no-fund --loglevel=error > /dev/null || echo "Playwright could not be installed by npm, so the page is not tested in a browser."
fi
# Today's Borg 2 and Python package, for which this machine's Debian may be too old.
[ "${BORGSTORE_TEST_SERVERS:-1}" = 0 ] || bash "$(dirname "$0")/borg-root.sh"
exit 0
