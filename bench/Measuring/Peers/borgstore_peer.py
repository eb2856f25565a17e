"""The Python package on a store. Serves the requests of tests/Storm/WorkLoop.cs on stdin. usage: borgstore_peer.py URL store|backend"""

import os
import sys
import time

from borgstore.store import Store

url, access = sys.argv[1:]
store = Store(url, config={"data/": {"levels": [0]}})
store.create()
backend = store.backend
whole = access == "store"


def move(name, new_name):
    (store if whole else backend).move(name, new_name)


def soft_delete(name):
    store.move(name, delete=True) if whole else backend.move(name, name + ".del")


def undelete(name):
    store.move(name, undelete=True) if whole else backend.move(name + ".del", name)


def serve():
    filled = None
    for line in sys.stdin:
        operation, *numbers = line.split()
        size, concurrency, count, least = map(int, numbers)
        names = [f"data/{i:08x}" for i in range(count)]
        others = [f"data/m{i:08x}" for i in range(count)]
        value = os.urandom(size) if size <= 1 << 20 else os.urandom(1 << 20) * (size >> 20)
        target = store if whole else backend
        if filled != (size, count) or operation == "store":
            for i in range(filled[1] if filled else 0):
                target.delete(f"data/{i:08x}")
            if operation != "store":
                for name in names:
                    target.store(name, value)
            filled = (size, count)
        repeats, revert = True, None
        if operation == "store":
            repeats, act = False, lambda: [target.store(name, value) for name in names]
        elif operation == "load":
            act = lambda: [target.load(name) and None for name in names]
        elif operation == "range":
            act = lambda: [target.load(name, offset=size // 4, size=size // 2) and None for name in names]
        elif operation == "info":
            act = lambda: [target.info(name) for name in names]
        elif operation == "hash":
            act = lambda: [target.hash(name, "sha256") for name in names]
        elif operation in ("list", "list-all"):
            act = lambda: [None for _ in target.list("data")]
        elif operation == "move":
            repeats, act = False, lambda: [move(name, other) for name, other in zip(names, others)]
            revert = lambda: [move(other, name) for name, other in zip(names, others)]
        elif operation == "soft-delete":
            repeats, act, revert = False, lambda: [soft_delete(name) for name in names], lambda: [undelete(name) for name in names]
        elif operation == "defrag" and whole:
            blocks = [(name.removeprefix("data/"), 0, size) for name in names]
            repeats, act, revert = False, lambda: store.defrag(blocks, target="joined", namespace="data"), lambda: store.delete("data/joined")
        elif operation == "delete":
            repeats, act, filled = False, lambda: [target.delete(name) for name in names], None
        else:
            print(f"no The Python package has no {operation} here.", flush=True)
            continue
        turns, start = 0, time.perf_counter_ns()
        os.access("/borgstore-trace-begin", os.F_OK)
        while True:
            act()
            turns += 1
            taken = time.perf_counter_ns() - start
            if not repeats or taken >= least * 1_000_000:
                break
        os.access("/borgstore-trace-end", os.F_OK)
        if revert:
            revert()
        print(f"ok {taken // turns} -1 -1", flush=True)


with store:
    if not whole:
        backend.mkdir("data")
    print("ready", flush=True)
    serve()
