#!/bin/bash
# SPDX-License-Identifier: MIT
# What is wrong is said in one line that names the option and the remedy; nothing is run, and the
# status tells our errors from the program's.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=support.sh
. "$here/support.sh"

# wrong "option..." WORD...
wrong() {
        # shellcheck disable=SC2086
        launch run $1 true
        refused "${@:2}"
}

wrong '--budget 64X' '--budget 64X' 'not a size' 'N%'
wrong '--budget=-1' '--budget -1' 'not a size'
wrong '--budget 0' '--budget 0' 'too small'
wrong '--budget 262143' '--budget 262143' 'at least 256K'
wrong '--budget 20K' '--budget 20K' 'at least 256K'
wrong '--page-size 2M --budget 127M' '--budget 127M' 'at least 128M'
wrong '--budget 101%' '--budget 101%' '100%'
wrong '--budget 1023T' '--budget 1023T' 'unpaged check'
wrong '-b 5MB' '--budget 5MB' 'K, M, G or T'
wrong '--policy mru' '--policy mru' 'sieve' 'fifo' '.so'
wrong '--policy none.so' '--policy' 'none.so' 'No such file'
wrong '--page-size 3K' '--page-size 3K' 'power of two'
wrong '--swap disk' '--swap disk' 'file:PATH'
wrong '--swap zram:lzo' '--swap zram:lzo' 'zstd'
wrong '--delivery poll' '--delivery poll' 'thread or signal'
wrong '--children maybe' '--children maybe' 'on or off'
wrong '--bogus' '--bogus' '--help'
wrong '--bogus=1' '--bogus=1' '--help'
wrong '--p lru' '--p' 'more than one'
wrong '-Z' '-Z' '--help'
wrong '-vZ' '-Z' '--help'
wrong '--require=1' '--require' 'takes no value'
wrong '--verbose=1' '--verbose' 'takes no value'
wrong '--help=1' '--help' 'takes no value'
wrong '--budget=' '--budget' 'needs a value'
wrong '--stats=' '--stats' 'needs a value'
wrong '--stats /nonexistent/file' '/nonexistent/file' 'No such file'
wrong '--stats /' '/:' 'directory'
wrong '--stats-json=' '--stats-json' 'needs a value'
wrong '--stats-json /nonexistent/file' '/nonexistent/file' 'No such file'
wrong '--stats-all=1' '--stats-all' 'takes no value'
wrong '--log /nonexistent/file' 'log file' 'No such file'
wrong '--trace /nonexistent/file' 'trace /nonexistent/file' 'No such file'
for name in x.png x.PDF out.d/x.jpg; do
        wrong "--curve $name" "option --curve" "$name: " '.svg'
done
wrong '--trace /dev/null' '/dev/null' 'must be a file'
wrong '--swap file:/nonexistent' '/nonexistent' 'truncate'
wrong '--swap file:/dev/null' '/dev/null' 'block device'
: >empty
truncate -s 1M full
wrong '--children off --swap file:empty' 'empty' 'truncate'
wrong '--swap file:full' 'only one process' '--children off'

for last in --budget -b --stats -o; do
        launch run $last
        refused 'needs a value'
done

UNPAGED_BUDGET=x launch run true
refused 'UNPAGED_BUDGET=x' 'not a size'
UNPAGED_BUDGET=x launch run --policy lru true
refused 'UNPAGED_BUDGET=x'
UNPAGED_CHILDREN=x launch run true
refused 'UNPAGED_CHILDREN=x' 'on or off'
UNPAGED_REQUIRE=x launch run true
refused 'UNPAGED_REQUIRE=x' '1 or 0'

# A directory that is gone has no name for paths to begin with.
mkdir gone
(
        cd gone
        rmdir ../gone
        launch run --stats here true
        refused --stats 'working directory'
        [ "$failures" -eq 0 ]
) || failures=$((failures + 1))

# ---- commands -------------------------------------------------------------------------------

launch
misused '--help'
launch frobnicate
misused 'frobnicate' '--help' 'unpaged run frobnicate'
launch --budget 1M run true
misused '--budget' 'after it' '--help'
launch run
refused 'no program' 'unpaged run'
launch run --budget 1M --
refused 'no program'
launch check --bogus
misused '--bogus' '--help'
launch check something
misused 'something' '--help'

# What cannot be written is our own error, to each command as it tells others.
declare -A unwritten=(['run --help']=125 ['run -h']=125 ['check --help']=2 ['check -h']=2)
for help in --help -h 'run --help' 'run -h' 'check --help' 'check -h' --version -V; do
        # shellcheck disable=SC2086
        launch $help
        ended 0
        silent
        check "$help answers" [ -s out ]
        # shellcheck disable=SC2086
        status=0
        # shellcheck disable=SC2086
        "$unpaged" $help >/dev/full 2>err || status=$?
        ended "${unwritten[$help]:-1}"
done
launch --version
check "the version of the project" [ "$(cat out)" = "unpaged $VERSION" ]
launch run --help
for option in budget policy page-size swap delivery stats trace children require quiet verbose log help; do
        check "--help has --$option" grep -q -- "--$option" out
done
for policy in sieve bimodal clock fifo lru nru random s3fifo sfifo; do
        check "--help has $policy" grep -qw "$policy" out
done
check "lines fit a terminal" [ "$(wc -L <out)" -le 100 ]

# ---- programs that cannot be run ------------------------------------------------------------

cannot() { # STATUS PROGRAM WORD
        launch run -- "$2"
        ended "$1"
        check "one line that names it" [ "$(grep -c "^unpaged: .*$2.*$3" err)" -eq 1 ]
        check "and no more" [ "$(wc -l <err)" -eq 1 ]
        never "ran it" [ -e "$FAKE_PRELOAD_OUT" ]
}

echo 'echo text' >text
printf '#!/nonexistent/interpreter\n' >orphan
chmod +x orphan
mkdir -p path/tool
cp /bin/true path/notmine
chmod 644 path/notmine
cannot 127 surely-no-such-program 'PATH'
cannot 127 ./none 'No such file'
cannot 127 '' 'No such file'
cannot 126 ./text 'Permission denied'
cannot 126 ./path 'Permission denied'
cannot 126 /etc/passwd/x 'Not a directory'
cannot 126 ./orphan 'interpreter'
path=$work/path:$PATH cannot 126 tool 'Permission denied'
path=$work/path:$PATH cannot 126 notmine 'Permission denied'
path='' cannot 127 surely-no-such-program 'No such file'
mkdir path2
cp /bin/true path2/notmine
path=$work/path:$work/path2 launch run notmine
ended 0
saw "program notmine"

# A folder that may not be searched has nothing to be found.
mkdir closed
chmod 000 closed
status=0
unprivileged env PATH="$work/closed:$PATH" "$unpaged" run surely-no-such-program >out 2>err ||
        status=$?
ended 127
chmod 700 closed

# A text without an interpreter is the shell's, as everywhere.
chmod +x text
launch run ./text
ended 0
check "the shell ran it" [ "$(cat out)" = text ]
cd path2
path=:$PATH launch run notmine
ended 0

finish
