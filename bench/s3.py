"""Stores the files of a folder with the Python package, or loads them back; s3.sh calls it."""

import os
import sys

from borgstore.store import Store

url, what, folder = sys.argv[1:]
store = Store(url, config={"data/": {"levels": [1]}})
if what == "store":
    store.create()
with store:
    if what == "store":
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as file:
                store.store("data/" + name, file.read())
    else:
        for info in store.list("data"):
            with open(os.path.join(folder, info.name), "wb") as file:
                file.write(store.load("data/" + info.name))
