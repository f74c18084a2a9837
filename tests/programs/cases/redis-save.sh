# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# A server that saves itself in a child (BGSAVE) while it is being written to; then saves a second
# time, ends, is started on the file again and must hold the same.
packages="redis-tools"
large=yes
needs="redis-check-rdb redis-cli"
processes=3 # the server, the child that saves, the server that loads

# redis-tools has the server under this name; it is one by the name it is called by.
prepare() {
        ln -s "$(command -v redis-check-rdb)" redis-server
        awk -v n="$(scaled 60000)" 'BEGIN {
                for (i = 0; i < n; i++) {
                        x = (i * 7919 + 13) % 100003
                        printf "SET string:%d %0*d\n", i, 20 + x % 300, x
                        if (i % 8 == 0)
                                printf "HSET hash:%d field:%d %d\n", i % 500, i, x
                        if (i % 9 == 0)
                                printf "RPUSH list:%d %d\n", i % 300, x
                        if (i % 10 == 0)
                                printf "ZADD sorted:%d %d m%d\n", i % 100, x, i
                }
        }' >load
        # Only what leaves the data as it will be compared: run at any moment, any number of times.
        awk -v n="$(scaled 20000)" 'BEGIN {
                for (i = 0; i < n; i++)
                        printf "SET string:%d changed:%0*d\n", i * 3, i % 200, i
        }' >changes
}

ask() {
        redis-cli -s ./socket "$@"
}

wait_for() {
        for _ in $(seq 600); do
                "$@" && return
                sleep 0.05
        done
        echo "never: $*"
        return 1
}

answers() {
        [ "$(ask PING 2>&1)" = PONG ]
}

saved() {
        ask INFO persistence | tr -d '\r' | grep -qx rdb_bgsave_in_progress:0
}

start() {
        "$@" "$input/redis-server" --port 0 --unixsocket ./socket --save "" --appendonly no \
                --enable-debug-command yes --daemonize no --logfile /dev/null &
        server=$!
        wait_for answers
}

stop() {
        ask SHUTDOWN NOSAVE
        wait "$server"
        echo "the server ended with $?"
}

program() {
        start "$@" || return
        ask --pipe <"$input/load" | tail -n 1
        ask BGSAVE
        ask --pipe <"$input/changes" | tail -n 1
        wait_for saved && ask INFO persistence | tr -d '\r' | grep rdb_last_bgsave_status
        cp dump.rdb while-writing.rdb
        # Without the aggregate types' small differences in encoding: what it holds, by value.
        echo "digest: $(ask DEBUG DIGEST) of $(ask DBSIZE)"
        ask BGSAVE
        wait_for saved
        stop
        start "$@" || return
        echo "loaded: $(ask DEBUG DIGEST) of $(ask DBSIZE)"
        stop
        redis-check-rdb while-writing.rdb | sed -n 's/^\[.*\] //p' | grep -E 'looks OK|keys read'
        rm -f dump.rdb while-writing.rdb # they hold the time, and some of the changes
}
