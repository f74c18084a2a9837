# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Pi, the old way; dc the same through its stack. Very little memory: these must run, not page.
packages="bc dc"
needs="bc dc"
processes=0

prepare() {
        echo "scale = $(scaled 600); 4 * a(1); 2 ^ $(scaled 20000) % 10 ^ 60" >pi
        echo "[la lb + la sb sa ln 1 - dsn 0 <f] sf 1sa 1sb 2000sn lfx la p" >fibonacci
}

program() {
        "$@" bc -lq "$input/pi"
        "$@" dc "$input/fibonacci"
}
