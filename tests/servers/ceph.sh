#!/usr/bin/env bash
# An S3 server from scratch: one node of Ceph (monitor, manager, one OSD, object gateway), all on loopback.
#
#   ceph.sh FOLDER      builds it below FOLDER, prints "ready URL ACCESS_KEY SECRET_KEY LOG", and takes it down when its
#                       standard input ends, so that it does not outlive the test. At a terminal, press Ctrl-D.
#
# CEPH_STORE=memstore|bluestore   where objects are kept: in memory (the default), or in a sparse file if they don't fit there.
# Needs Debian's ceph-mon, ceph-mgr, ceph-osd, radosgw and ceph-common; install.sh installs them. The log has one line per request.
set -euo pipefail
folder=${1:?usage: ceph.sh FOLDER}
store=${CEPH_STORE:-memstore}
access_key=testaccesskey0000001
secret_key=testSecretKey/with+signs00000000000000001
# Ceph's tools need Debian's Python, and nothing from the caller's environment.
unset PYTHONPATH
export PATH=/usr/bin:/usr/sbin:/bin:/sbin

for program in ceph-mon ceph-mgr ceph-osd radosgw radosgw-admin ceph; do
  command -v "$program" > /dev/null || { echo "missing $program"; exit 3; }
done

free_port() { # one that nothing listens on
  local port
  while port=$((20000 + RANDOM % 12000)); (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do :; done
  echo "$port"
}

stop() {
  trap - EXIT INT TERM HUP
  # Nothing is kept, so nothing has to shut down in order. Only running jobs are killed: the number of an ended one may have been reused.
  local running
  running=$(jobs -pr)
  # shellcheck disable=SC2086
  [ -z "$running" ] || kill -9 $running 2> /dev/null || true
  wait 2> /dev/null || true
  rm -rf "$folder"
}
trap stop EXIT INT TERM HUP

rm -rf "$folder"
mkdir -p "$folder"/{run,log,mon,mgr,osd,rgw,crash}
config=$folder/ceph.conf
fsid=$(cat /proc/sys/kernel/random/uuid)
mon_port=$(free_port)
rgw_port=$(free_port)
cat > "$config" << K
[global]
fsid = $fsid
mon host = [v2:127.0.0.1:$mon_port]
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
public network = 127.0.0.0/8
ms bind ipv6 = false
# The gateway's own default here is "secure", which a cluster without authentication does not support: it would retry forever.
ms mon client mode = crc
ms mon service mode = crc
ms mon cluster mode = crc
auth cluster required = none
auth service required = none
auth client required = none
auth allow insecure global id reclaim = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
mon data avail warn = 2
mon data avail crit = 1
run dir = $folder/run
crash dir = $folder/crash
log file = $folder/log/\$name.log
admin socket = $folder/run/\$name.\$pid.asok
debug ms = 0
[mon]
mon data = $folder/mon
mon cluster log file = $folder/log/cluster.log
[mgr]
mgr data = $folder/mgr
[osd]
osd data = $folder/osd
osd objectstore = $store
osd memory target = 939524096
osd class load list = *
osd class default list = *
memstore device bytes = 4294967296
bluestore block create = true
bluestore block size = 21474836480
[client.rgw]
# Without tcp_nodelay every small response on a kept connection is delayed by 40 ms.
rgw frontends = beast endpoint=127.0.0.1:$rgw_port tcp_nodelay=1
rgw data = $folder/rgw
rgw run sync thread = false
# Deleted large objects would take memory for hours.
rgw gc obj min wait = 30
rgw gc processor period = 30
# Level 1 logs one line per request.
log file = $folder/log/requests.log
debug rgw = 1/1
[client]
log file = /dev/null
K

# A daemon in the foreground is a job of this script, so stop() finds it.
daemon() {
  "$@" -c "$config" -f >> "$folder/log/output" 2>&1 < /dev/null &
}
# Not "timeout ceph": it hangs on exit.
ceph() { /usr/bin/python3 /usr/bin/ceph -c "$config" --connect-timeout 20 "$@" < /dev/null; }
wait_for() { # SECONDS COMMAND...
  local tenths=$(($1 * 10))
  shift
  until "$@" > /dev/null 2>&1; do
    ((tenths-- > 0)) || { echo "failed: $* (see below)"; tail -n 20 "$folder/log/output"; exit 1; }
    sleep 0.1
  done
}

monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon_port]" "$folder/monmap" > /dev/null
ceph-authtool --create-keyring "$folder/mon.keyring" --gen-key -n mon. --cap mon 'allow *' > /dev/null
ceph-mon -c "$config" -i a --mkfs --monmap "$folder/monmap" --keyring "$folder/mon.keyring"
daemon ceph-mon -i a
daemon ceph-mgr -i x
osd_uuid=$(cat /proc/sys/kernel/random/uuid)
osd=$(ceph osd new "$osd_uuid")
ceph-osd -c "$config" -i "$osd" --mkfs --osd-uuid "$osd_uuid" >> "$folder/log/output" 2>&1
daemon ceph-osd -i "$osd"
osd_is_up() { ceph osd stat | grep -q '1 up'; }
wait_for 30 osd_is_up
daemon radosgw -n client.rgw
wait_for 60 curl -s -o /dev/null "http://127.0.0.1:$rgw_port/"
radosgw-admin -c "$config" -n client.admin user create --uid=test --display-name=test --max-buckets=0 \
  --access-key="$access_key" --secret-key="$secret_key" > /dev/null 2>> "$folder/log/output" < /dev/null

echo "ready http://127.0.0.1:$rgw_port $access_key $secret_key $folder/log/requests.log"
# Wait for the end of standard input.
cat > /dev/null || true
