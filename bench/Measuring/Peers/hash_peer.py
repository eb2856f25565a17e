"""Hashes of bytes in memory, by Python's own library and the package blake3. Serves the requests of tests/Storm/WorkLoop.cs on stdin."""

import hashlib
import os
import sys
import time

from blake3 import blake3

HASHES = {"hash-memory": hashlib.sha256, "blake3-memory": blake3}

print("ready", flush=True)
for line in sys.stdin:
    operation, *numbers = line.split()
    size, _, count, least = map(int, numbers)
    value, compute = os.urandom(size), HASHES[operation]
    turns, start = 0, time.perf_counter_ns()
    while True:
        for _ in range(count):
            compute(value).hexdigest()
        turns += 1
        taken = time.perf_counter_ns() - start
        if taken >= least * 1_000_000:
            break
    print(f"ok {taken // turns} -1 -1", flush=True)
