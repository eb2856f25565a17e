"""One turn of the Python package on an SFTP store, as SftpRun does it: python3 bench/sftp.py URL FILE COUNT"""

import os
import sys
import time

from borgstore.backends.sftp import get_sftp_backend


def report(what, amount, start, unit):
    print(f"{what} {amount / (time.perf_counter() - start):.0f} {unit}", flush=True)


url, file, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
large = open(file, "rb").read()
backend = get_sftp_backend(url)
backend.create()
backend.open()
start = time.perf_counter()
backend.store("data/large", large)
report("up", len(large) / 1e6, start, "MB/s")
start = time.perf_counter()
assert backend.load("data/large") == large
report("down", len(large) / 1e6, start, "MB/s")

names = [f"data/{i % 256:02x}/{i:08x}" for i in range(count)]
value = os.urandom(1024)
for what, run in (
    ("store", lambda name: backend.store(name, value)),
    ("load", backend.load),
    ("info", backend.info),
    ("delete", backend.delete),
):
    start = time.perf_counter()
    for name in names:
        run(name)
    report(what, count, start, "/s")
backend.close()
