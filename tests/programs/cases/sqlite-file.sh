# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# A database in a file, with a large page cache and memory-mapped reading; then dumped.
packages="sqlite3"
large=yes
needs="sqlite3"

prepare() {
        generate lines 4 3 | sed 's/\([^ ]*\) \(.*\) \([0-9]*\)$/\1|\3|\2/' >rows
        cat >script <<SQL
PRAGMA cache_size = -200000;
PRAGMA mmap_size = 30000000;
PRAGMA journal_mode = wal;
CREATE TABLE t(key TEXT, n INT, text TEXT);
.import $input/rows t
CREATE INDEX by_text ON t(text);
CREATE UNIQUE INDEX by_key ON t(key, n, text);
SELECT text, count(*) FROM t GROUP BY substr(text, 1, 6) ORDER BY 2 DESC, 1 LIMIT 20;
DELETE FROM t WHERE n % 2;
PRAGMA wal_checkpoint(truncate);
VACUUM;
PRAGMA integrity_check;
SQL
}

program() {
        "$@" sqlite3 -batch database <"$input/script"
        "$@" sqlite3 -batch database .dump | sha256sum
}
