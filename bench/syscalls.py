"""The same operations by the Python package. Prints nanoseconds an operation. usage: syscalls.py PATH COUNT"""
import sys
import time

from borgstore.backends.posixfs import PosixFS

path, count = sys.argv[1], int(sys.argv[2])
value = bytes(1024)
names = [f"data/{i:08x}" for i in range(count)]


def measure(operation, act):
    began = time.perf_counter_ns()
    act()
    print(operation, round((time.perf_counter_ns() - began) / count), flush=True)


backend = PosixFS(path)
backend.create()
with backend:
    backend.mkdir("data")
    measure("store", lambda: [backend.store(name, value) for name in names])
    measure("load", lambda: [backend.load(name) for name in names])
    measure("info", lambda: [backend.info(name) for name in names])
    measure("list", lambda: [None for _ in backend.list("data")])
    measure("delete", lambda: [backend.delete(name) for name in names])
