# SPDX-License-Identifier: MIT
# dicts.py FILE: dictionaries, sets and lists of the lines of FILE.
import gc
import hashlib
import sys
from array import array


def main(path):
    by_key = {}
    by_word = {}
    for line in open(path):
        fields = line.split()
        by_key[fields[0]] = fields[1:]
        for word in fields[1:-1]:
            by_word.setdefault(word, set()).add(fields[0])
    print(len(by_key), len(by_word))

    # Cycles, for the collector to walk and to free.
    for key, fields in by_key.items():
        fields.append(by_key)
    for key in list(by_key)[::3]:
        del by_key[key]
    gc.collect()
    print(len(by_key), sum(len(fields) for fields in by_key.values()))

    # What grows step by step.
    numbers = array("Q")
    text = bytearray()
    for key in by_key:
        numbers.append(int(key, 16))
        text += key.encode()
    print(sum(numbers), len(text))

    common = sorted(by_word, key=lambda word: (-len(by_word[word]), word))
    for word in common[:20]:
        keys = sorted(by_word[word])
        print(word, len(keys), hashlib.sha256("".join(keys).encode()).hexdigest())


main(sys.argv[1])
