# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# A database in memory: indexes, a join, a roll back, a recursive query, an integrity check.
packages="sqlite3"
large=yes
needs="sqlite3"

prepare() {
        cat >script <<SQL
CREATE TABLE t(id INTEGER PRIMARY KEY, key TEXT, n INT, note TEXT);
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT $(scaled 90000))
        INSERT INTO t SELECT x, printf('%08x', x * 2654435761 % 4294967296),
                x * 7919 % 10007, printf('note %d of %d', x, x * x % 97) FROM c;
CREATE INDEX by_key ON t(key);
CREATE INDEX by_n ON t(n, note);
SELECT n, count(*), min(key), max(note) FROM t GROUP BY n ORDER BY 2 DESC, 1 LIMIT 50;
SELECT count(*) FROM t a JOIN t b ON a.key = printf('%08x', b.n * 65536);
BEGIN;
UPDATE t SET note = note || ' again' WHERE id % 3 = 0;
DELETE FROM t WHERE id % 5 = 0;
SELECT count(*), sum(length(note)) FROM t;
ROLLBACK;
SELECT count(*), sum(length(note)) FROM t;
PRAGMA integrity_check;
SELECT key, note FROM t ORDER BY note DESC, key LIMIT 20;
SQL
}

program() {
        "$@" sqlite3 -batch :memory: <"$input/script"
}
