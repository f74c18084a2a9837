# SPDX-License-Identifier: MIT
# processes.py COUNT: multiprocessing in its ways to begin a process.
import hashlib
import multiprocessing as mp
import sys
from multiprocessing import shared_memory

data = None


def digest(start):
    h = hashlib.sha256()
    for key in range(start, len(data), 8):
        h.update(data[key].encode())
        data[key] += " seen"
    return start, h.hexdigest(), sum(len(value) for value in data.values())


def squares(n):
    table = [i * i for i in range(n)]
    return n, sum(table), len({t % 1009 for t in table})


def produce(queue, count):
    for i in range(0, count, 1000):
        queue.put({k: "x" * (k % 50) for k in range(i, i + 1000)})
    queue.put(None)


def fill(name, count):
    block = shared_memory.SharedMemory(name)
    for i in range(count):
        block.buf[i] = i * 7 % 251
    block.close()


def main(count):
    global data
    data = {i: f"value number {i}" * 8 for i in range(count)}

    # Forked: the workers have the table, each its own.
    fork = mp.get_context("fork")
    with fork.Pool(2) as pool:
        for start, h, _ in sorted(pool.map(digest, range(8), chunksize=1)):
            print(start, h)
    print(digest(0)[1:])

    # From nothing.
    spawn = mp.get_context("spawn")
    with spawn.Pool(2) as pool:
        print(pool.map(squares, [count, count * 2, 1000]))

    queue = fork.Queue()
    producer = fork.Process(target=produce, args=(queue, count))
    producer.start()
    total = n = 0
    while (piece := queue.get()) is not None:
        n += len(piece)
        total += sum(len(value) for value in piece.values())
    producer.join()
    print(n, total, producer.exitcode)

    block = shared_memory.SharedMemory(create=True, size=count)
    worker = fork.Process(target=fill, args=(block.name, count))
    worker.start()
    worker.join()
    print(sum(block.buf[:count]), worker.exitcode)
    block.close()
    block.unlink()


if __name__ == "__main__":
    main(int(sys.argv[1]))
