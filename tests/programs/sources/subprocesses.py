# SPDX-License-Identifier: MIT
# subprocesses.py COUNT: many children of a process that is large.
import os
import signal
import subprocess
import sys

count = int(sys.argv[1])
table = [f"line {i} of the table" for i in range(count)]

# In and out of one child at a time, more than a pipe holds.
text = "\n".join(table[: count // 4]).encode()
out = subprocess.run(["sort", "-r"], input=text, stdout=subprocess.PIPE, check=True).stdout
print(len(out), out[:40])

statuses = {}
for i in range(120):
    p = subprocess.run(["sh", "-c", f"exit {i % 5}"], close_fds=i % 2 == 0)
    statuses[p.returncode] = statuses.get(p.returncode, 0) + 1
print(sorted(statuses.items()))

# A function of ours between fork and exec: then it is a fork and not a vfork.
for i in range(10):
    p = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         preexec_fn=lambda: table.append("in the child"))
    got, _ = p.communicate(table[i].encode())
    assert got.decode() == table[i], got
print(len(table))

sleepers = [subprocess.Popen(["sleep", "60"]) for _ in range(20)]
for p in sleepers:
    p.send_signal(signal.SIGTERM)
print(sorted({p.wait() for p in sleepers}))

print(os.system("exit 7") >> 8, os.popen("echo popen").read().strip())
pid = os.posix_spawnp("sh", ["sh", "-c", "exit 9"], os.environ)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
print(hash(tuple(len(t) for t in table)))

# And the program it becomes has the terminal, the descriptors and nothing of this.
sys.stdout.flush()
os.execvp("sh", ["sh", "-c", "echo done; ls /proc/self/fd | head -n 3 | tr '\\n' ' '; exit 5"])
