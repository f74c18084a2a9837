# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Every extension is opened so that it finds the C library before us (RTLD_DEEPBIND).
packages="php-cli php-mbstring php-sqlite3 php-xml"
large=yes
needs="php"

prepare() {
        :
}

program() {
        "$@" php "$here/sources/arrays.php" "$(scaled 150000)"
}
