#!/bin/bash
# SPDX-License-Identifier: MIT
# Files that are written: an old one stays until the new one is ready,
# and a symbolic link that another user has laid in the way is not followed.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=support.sh
. "$here/support.sh"

# alone: nothing but these is in the folder.
alone() {
        check "no other file is left: $(ls out.d)" [ "$(ls out.d)" = "$(printf '%s\n' "$@")" ]
}

mkdir out.d
"$unpaged" trace generate loop --pages 50 --accesses 99 -o good.trace
head -c 200 good.trace >cut.trace
printf 'fault 1\nnonsense\n' >bad.text

# ---- commands on traces ---------------------------------------------------------------------

echo 'an old one' >out.d/file
launch trace import --text bad.text -o out.d/file
ended 1
check "an import that failed leaves the old file" [ "$(cat out.d/file)" = 'an old one' ]
head -c 1000 good.trace >odd.records
launch trace import --oracle-general odd.records -o out.d/file
ended 1
check "so do records that are cut off" [ "$(cat out.d/file)" = 'an old one' ]
launch trace export --text cut.trace -o out.d/file
launch curve cut.trace -o out.d/other.svg
rm -f out.d/other.svg
chmod 640 out.d/file
exec 8<out.d/file
launch trace export --text good.trace -o out.d/file
ended 0
check "who has the old file open still has it" \
        [ "$(stat -Lc %i /dev/fd/8)" != "$(stat -c %i out.d/file)" ]
exec 8<&-
check "the new file is whole" grep -q '^end' out.d/file
check "it keeps the mode of the old one" [ "$(stat -c %a out.d/file)" = 640 ]
alone file
(
        ulimit -f 1
        trap '' XFSZ
        launch trace generate uniform --pages 1000 --accesses 20000 -o out.d/file
        ended 1
        check "a file that may not grow leaves the old one" grep -q '^end' out.d/file
        [ "$failures" -eq 0 ]
) || failures=$((failures + 1))
alone file
ln -s file out.d/link
launch trace generate loop --pages 9 --accesses 9 -o out.d/link
ended 0
check "a link of one's own is followed" [ -L out.d/link ]
check "to its file" cmp -s out.d/file <("$unpaged" trace generate loop --pages 9 --accesses 9 -o -)
rm out.d/link

# ---- unpaged run ----------------------------------------------------------------------------

# The program's process replaces them; here it does nothing, so they stay.
echo 'an old one' >out.d/file
for option in --trace --curve --sample; do
        launch run $option out.d/file true
        ended 0
        check "the launcher leaves the old file of $option" [ "$(cat out.d/file)" = 'an old one' ]
        launch run $option out.d/new true
        ended 0
        alone file
done
if [ "$(id -u)" -ne 0 ]; then
        skip "links of other users: only root can make them"
        finish
fi
mkdir -m 1777 shared
echo 'not to be touched' >victim
ln -s "$work/victim" shared/link
chown -h 65534:65534 shared/link
for option in --trace --curve --sample --stats --stats-json --log; do
        launch run $option shared/link true
        refused 'shared/link' 'another user'
done
launch trace generate loop --pages 9 --accesses 9 -o shared/link
ended 1
check "it says why" grep -q 'another user' err
check "what the link names is untouched" [ "$(cat victim)" = 'not to be touched' ]
finish
