"""The same by the Python package. usage: rclone.py FOLDER COUNT"""
import random
import sys
import time

from borgstore.store import Store

folder, count = sys.argv[1], int(sys.argv[2])
values = random.Random(1)
items = [(f"data/{i:08x}", values.randbytes(1024)) for i in range(count)]


def measure(name, act):
    began = time.perf_counter()
    act()
    print(name, round(count / (time.perf_counter() - began)), flush=True)


store = Store(f"rclone:{folder}", config={"data/": {"levels": [0]}})
store.create()
with store:
    measure("store", lambda: [store.store(name, value) for name, value in items])
    measure("list", lambda: list(store.list("data")))
    measure("load", lambda: [store.load(name) for name, _ in items])
