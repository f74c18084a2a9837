# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Everything packed again in two threads, then checked; which objects there are must be the same.
packages="git"
large=yes
needs="git"

prepare() {
        export HOME=$input
        git init -q repository && cd repository || return
        # One stream for all commits: a fast start, and every name and date is ours.
        generate lines 10 11 | awk '
                function commit(n) {
                        printf "commit refs/heads/main\ncommitter A <a@example> %d +0000\n", 1.6e9 + n
                        printf "data 6\nc %04d\n", n % 10000
                }
                { text = text $0 "\n" }
                NR % 400 == 0 {
                        commit(++n)
                        printf "M 100644 inline folder%d/file%d\n", n % 7, n % 50
                        old[n % 50] = substr(text, 1, 3000) substr(old[n % 50], 1, 60000)
                        printf "data %d\n%s\n", length(old[n % 50]), old[n % 50]
                        text = ""
                }' | git fast-import --quiet --depth=0
}

program() {
        export GIT_CONFIG_NOSYSTEM=1
        cp -r "$input/repository" copy && cd copy || return
        "$@" git -c pack.threads=2 -c pack.windowMemory=0 repack -q -a -d -f --window=40 --depth=50
        "$@" git fsck --full --strict 2>&1
        git cat-file --batch-all-objects --batch-check --buffer | sort | sha256sum
        "$@" git log --format=%H --stat --all | sha256sum
        find .git/objects/pack -name '*.pack' | wc -l
        cd .. && rm -rf copy # how two threads divide their work is left to chance
}
