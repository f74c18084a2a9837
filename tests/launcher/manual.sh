#!/bin/bash
# SPDX-License-Identifier: MIT
# The manual pages format without a warning, and unpaged(1) names every option, variable and status there is.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=support.sh
. "$here/support.sh"
sources=$here/../../lib/preload
page=$sources/unpaged.1
status=0
: >out
: >err

if command -v groff >/dev/null && groff -man -ww -z "$page" "$sources/unpaged-json.5" >out 2>err; then
        check "no warnings" [ ! -s err ]
elif grep -q 'an.tmac\|command not found' err || ! command -v groff >/dev/null; then
        skip "groff is not here, or without its macros"
else
        fail "groff warns"
fi

sed 's/\\-/-/g' "$page" >page.txt
launch run --help
ended 0
options=$(grep -oE -- '(^| )--[a-z-]+' out | tr -d ' ' | sort -u)
check "there are options" [ "$(wc -w <<<"$options")" -ge 11 ]
for option in $options; do
        check "the manual has $option" grep -q -- "^\.BR.* $option\>" page.txt
done
for letter in $(grep -oE '^  -[a-z],' out | tr -d ' ,-'); do
        check "the manual has -$letter" grep -qE -- "^\.BR -$letter \", \" --" page.txt
done

# Other commands whose options have a place of their own.
for command in top resize; do
        launch "$command" --help
        ended 0
        check "$command has options" grep -q -- '^  -' out
        options=$(grep -oE -- ' --[a-z]+' out | sort -u)
        for option in $options; do
                check "the manual has $command $option" grep -q -- "^\.BR .* $option\>" page.txt
        done
done
columns=$(sed -n 's/^ *\[COLUMN_[A-Z]*\] = {"\([a-z]*\)".*/\1/p' "$sources/../replay/live_table.c")
check "there are columns" [ "$(wc -w <<<"$columns")" -eq 12 ]
for column in $columns; do
        check "the manual has the column $column" grep -q "\<$column\>" page.txt
done

# Both ways: what is read is written of, and nothing else is.
grep -ohE '"UNPAGED_[A-Z_]+"' "$sources"/*.c "$sources"/../os/mask.c | tr -d '"' | grep -v '_$' |
        sort -u >of-source
grep -oE 'UNPAGED_[A-Z_]+' page.txt | sort -u >of-manual
check "there are variables" [ "$(wc -l <of-source)" -ge 14 ]
check "the manual's variables" diff of-source of-manual
for number in 125 126 127; do
        check "the manual has status $number" grep -qx "\.B $number" page.txt
done
check "the default budget is right" grep -q "^The default is $(sed -n \
        's/^#define BUDGET_DEFAULT "\(.*\)"/\1/p' "$sources/settings.h")\.$" page.txt

finish
