# SPDX-License-Identifier: MIT
# forks.py COUNT: a table is built; then a process and its children and grandchildren each change
# their own, in both orders of ending. Each writes what it has to a file of its own.
import hashlib
import os
import random
import sys

count = int(sys.argv[1])
table = {i: [f"value {i} of nobody", i] for i in range(count)}


def change(name, seed):
    r = random.Random(seed)
    for _ in range(count // 2):
        i = r.randrange(count)
        table[i][0] += name
        table[i][1] ^= r.getrandbits(30)
        if r.random() < 0.05:
            table[i] = [f"new of {name}", i]


def write(name):
    digest = hashlib.sha256()
    for i in range(count):
        digest.update(repr(table[i]).encode())
    with open(f"table-{name}", "w") as f:
        f.write(digest.hexdigest() + "\n")


def go_on(name, seed):
    change(name, seed)
    write(name)
    change(name, seed + 1)
    write(name + "-again")


# A child that ends first.
child = os.fork()
if child == 0:
    go_on("child", 10)
    os._exit(3)
change("parent", 20)
print("child:", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
write("parent")

# One that outlives its parent, with a child of its own meanwhile; its end is seen by a pipe.
r, w = os.pipe()
middle = os.fork()
if middle == 0:
    change("middle", 30)
    if os.fork() == 0:
        os.read(r, 1)  # the parent is gone
        go_on("orphan", 40)
        os._exit(0)
    go_on("middle", 50)
    os._exit(0)
os.close(r)
go_on("parent", 60)
print("middle:", os.waitstatus_to_exitcode(os.waitpid(middle, 0)[1]))
write("parent-last")
os.write(w, b"x")
