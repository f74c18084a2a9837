# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# A database with four clients at once, that writes by asynchronous I/O from memory which it keeps
# itself; then it ends, is started on its files again, and must hold the same.
packages="mariadb-server-core mariadb-client-core"
large=yes
needs="mariadbd mariadb mariadb-install-db"
processes=2
floor=24

prepare() {
        mariadb-install-db --no-defaults --user=root --datadir="$input/data" --skip-test-db \
                --auth-root-authentication-method=normal >install.log 2>&1 || {
                cat install.log >&2
                return 1
        }
        for client in 1 2 3 4; do
                awk -v n="$(scaled 12000)" -v c="$client" 'BEGIN {
                        printf "CREATE TABLE t%d (id INT PRIMARY KEY, k INT, v VARCHAR(400), KEY (k)) ENGINE=InnoDB;\n", c
                        for (i = 0; i < n; i++) {
                                x = (i * 7919 + c * 13) % 100003
                                if (i % 100 == 0)
                                        printf "%sINSERT INTO t%d VALUES ", i ? ";\n" : "", c
                                printf "%s(%d,%d,\"%0*d\")", i % 100 ? "," : "", i, x % 997, 20 + x % 300, x
                        }
                        print ";"
                        printf "UPDATE t%d SET v = CONCAT(v, k) WHERE k %% 7 = %d;\n", c, c
                        printf "DELETE FROM t%d WHERE k %% 11 = %d;\n", c, c
                }' >"client$client.sql"
        done
}

ask() {
        mariadb --no-defaults -u root -S ./data/socket "$@"
}

answers() {
        ask -e 'SELECT 1' >/dev/null 2>&1
}

wait_for() {
        for _ in $(seq 600); do
                "$@" && return
                sleep 0.1
        done
        echo "never: $*"
        return 1
}

start() {
        "$@" mariadbd --no-defaults --user=root --datadir="$PWD/data" --socket=socket \
                --pid-file=pid --skip-networking --innodb-buffer-pool-size=48M \
                --log-error="$PWD/data/error" 2>>data/error & # what it says has the time in it
        server=$!
        wait_for answers
}

stop() {
        ask -e SHUTDOWN
        wait "$server"
        echo "the server ended with $?"
}

look() {
        for client in 1 2 3 4; do
                ask shop -e "SELECT COUNT(*), SUM(k), SUM(CRC32(v)), MAX(LENGTH(v)) FROM t$client; CHECK TABLE t$client"
        done
        ask shop -e 'SELECT a.k, COUNT(*), SUM(CRC32(b.v)) FROM t1 a JOIN t2 b ON a.id = b.id GROUP BY a.k ORDER BY a.k LIMIT 20'
}

program() {
        local clients=()

        cp -r "$input/data" data
        start "$@" || return
        ask -e 'CREATE DATABASE shop'
        for client in 1 2 3 4; do
                ask shop <"$input/client$client.sql" &
                clients+=($!)
        done
        wait "${clients[@]}"
        look
        stop
        start "$@" || return
        look
        stop
        rm -rf data
}
