#!/bin/bash
# SPDX-License-Identifier: MIT
# What a program sees that `unpaged run` executes, and what it must not notice.
# shellcheck disable=SC2016
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=support.sh
. "$here/support.sh"

# ---- options become variables ---------------------------------------------------------------

launch run --budget 64M --policy lru --page-size 16K --swap zram:zstd:1G --delivery thread \
        --stats "$work/stats" --children off "${require[@]}" --log "$work/log" -- true
ended 0
silent
saw "program true"
saw "UNPAGED_BUDGET=67108864"
saw "UNPAGED_POLICY=lru"
saw "UNPAGED_PAGE_SIZE=16K"
saw "UNPAGED_SWAP=zram:zstd:1G"
saw "UNPAGED_DELIVERY=thread"
saw "UNPAGED_STATS=$work/stats"
saw "UNPAGED_CHILDREN=off"
if [ "${#require[@]}" -gt 0 ]; then
        saw "UNPAGED_REQUIRE=1"
else
        skip "--require: userfaultfd is refused here"
fi
saw "UNPAGED_LOG=$work/log"
saw "LD_PRELOAD=$library"

launch run -b1.5M -p fifo -szram -d signal -o - -c on -v true
ended 0
silent
for line in BUDGET=1572864 POLICY=fifo SWAP=zram DELIVERY=signal STATS=- CHILDREN=on LOG=-; do
        saw "UNPAGED_$line"
done

launch run --bud=1M --pol=nru true
saw "UNPAGED_BUDGET=1048576"
saw "UNPAGED_POLICY=nru"

launch run --budget 1M --budget=2M true
saw "UNPAGED_BUDGET=2097152"

# Only what was asked for is set, but for the budget: a quarter of what there is. And what the
# process needs to speak.
launch run -q true
check "sets the budget alone" [ "$(grep -c ^UNPAGED_ "$FAKE_PRELOAD_OUT")" -eq 2 ]
saw "UNPAGED_QUIET=1"
launch run true
check "sets the budget alone" [ "$(grep -c ^UNPAGED_ "$FAKE_PRELOAD_OUT")" -eq 2 ]
check "and says which standard error it has" grep -q \
        "^UNPAGED_TREE=[0-9]*:$(stat -c '%d:%i' err):     $" "$FAKE_PRELOAD_OUT"
launch run --budget 25% true
quarter=$(sed -n 's/^UNPAGED_BUDGET=//p' "$FAKE_PRELOAD_OUT")
launch run true
saw "UNPAGED_BUDGET=$quarter"
check "the budget is not nothing" [ "$quarter" -gt 1048576 ]
check "at most a quarter of the machine" \
        [ "$quarter" -le "$(awk '/^MemTotal:/ {printf "%.0f", $2 * 256}' /proc/meminfo)" ]

# ---- variables without options --------------------------------------------------------------

UNPAGED_BUDGET=3M UNPAGED_POLICY=lru UNPAGED_SWAP=zram:1M launch run --policy sieve true
saw "UNPAGED_BUDGET=3145728"
saw "UNPAGED_POLICY=sieve"
saw "UNPAGED_SWAP=zram:1M"

# What looks like a variable and is none is named, with the nearest that is one.
UNPAGED_BUGET=1M launch run true
ended 0
check "one line" [ "$(wc -l <err)" -eq 1 ]
check "it names both" grep -q '^unpaged: UNPAGED_BUGET: .* UNPAGED_BUDGET' err
saw "UNPAGED_BUDGET=$quarter"
UNPAGED_BUGET=1M launch run --quiet true
silent
UNPAGED_OFF=1 UNPAGED_BUGET=1M launch run true
silent
UNPAGED_PRELOAD_PATH=$library UNPAGED_MASK_FEATURES=near launch run true
silent

UNPAGED_BUDGET='' launch run true
saw "UNPAGED_BUDGET=$quarter"

# ---- where the options end ------------------------------------------------------------------

launch run sh -c 'printf "%s." "$@"' sh --budget 1 -v --help -- -
check "arguments are the program's" [ "$(cat out)" = "--budget.1.-v.--help.--.-." ]
saw "program sh"
launch run -b 1M -- sh -c 'printf "%s." "$@"' sh -- '' 'a b'
check "so are those after --" [ "$(cat out)" = "--..a b." ]
cp /bin/true ./-x
path=$work:$PATH launch run -- -x
ended 0
saw "program -x"

# ---- the program's own way ------------------------------------------------------------------

launch run sh -c 'echo out; echo err >&2; cat; exit 7' <<<"in"
ended 7
check "its output and input" [ "$(cat out)" = $'out\nin' ]
check "its errors" [ "$(cat err)" = "err" ]
launch run sh -c 'kill -TERM $$'
ended 143
launch run sh -c 'kill -SEGV $$'
ended 139
for n in 0 1 77 124 125 126 127 255; do
        launch run sh -c "exit $n"
        ended "$n"
        silent
done

# The process is the one that was started.
"$unpaged" run sh -c 'echo $$; exec sleep 60' >out 2>err &
child=$!
for _ in $(seq 600); do
        [ ! -s out ] || break
        sleep 0.1
done
check "keeps the process id" [ "$(cat out)" = "$child" ]
kill "$child"
status=0
wait "$child" 2>/dev/null || status=$?
ended 143

# Descriptors, signal dispositions and mask, limits, directory and the rest of the environment.
# Signals 32 and 33 are the C library's: make may have them ignored, and whoever has threads has not.
cat >state.sh <<'END'
ls /proc/self/fd
grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status | while read -r name mask; do
        printf '%s %x\n' "$name" $((0x$mask & ~0x180000000))
done
grep '^NoNewPrivs' /proc/self/status
ulimit -a
pwd
tr '\0' '\n' </proc/$$/environ | grep -vE '^(LD_PRELOAD|UNPAGED_[A-Z_]*|_|FAKE_PRELOAD_OUT)=' | sort | cksum
END
for ignored in '' HUP 'PIPE CHLD'; do
        (
                # shellcheck disable=SC2086
                [ -z "$ignored" ] || trap '' $ignored
                exec 7<state.sh
                sh state.sh >plain
                launch run -v --log "$work/log" --stats "$work/stats" "${require[@]}" sh state.sh
                cmp plain out >&2
        ) || fail "differs from the plain run, ignoring '$ignored'"
        checks=$((checks + 1))
done

launch run -v true
silent

# ---- LD_PRELOAD -----------------------------------------------------------------------------

cp "$FAKE_PRELOAD" lib/other.so
cp "$FAKE_PRELOAD" lib/more.so
preloaded() { # LIST-BEFORE LIST-WANTED
        LD_PRELOAD=$1 launch run true
        ended 0
        check "LD_PRELOAD=$1 becomes $2" \
                [ "$(grep -xF "LD_PRELOAD=$2" "$FAKE_PRELOAD_OUT" | sort -u)" = "LD_PRELOAD=$2" ]
}
other=$work/lib/other.so more=$work/lib/more.so
preloaded "$other" "$library:$other"
preloaded "$other $more" "$library:$other:$more"
preloaded " :$other:: " "$library:$other"
preloaded "$library" "$library"
preloaded "$other:$library" "$library:$other"
preloaded "$library:$other:$library" "$library:$other"

launch run --budget 1M -- "$unpaged" run --budget 2M -- sh -c 'echo "$LD_PRELOAD"'
ended 0
saw "UNPAGED_BUDGET=2097152"
case ${SANITIZED:-} in
'') saw "program unpaged" ;;
esac
check "ours stands there once" [ "$(cat out)" = "$library" ]

# ---- where the library is -------------------------------------------------------------------

multiarch=$(cd "$(dirname "$("${CC:-cc}" -print-file-name=crti.o)")" && basename "$PWD")
for place in "lib/$multiarch/unpaged" lib/unpaged lib64/unpaged; do
        rm -rf prefix
        mkdir -p prefix/bin "prefix/$place"
        cp "$LAUNCHER" prefix/bin/unpaged
        cp "$FAKE_PRELOAD" "prefix/$place/libunpaged-preload.so"
        ln -s "$work/prefix/bin/unpaged" prefix/link
        for program in prefix/bin/unpaged prefix/link; do
                unpaged=$work/$program launch run true
                ended 0
                saw "LD_PRELOAD=$work/prefix/$place/libunpaged-preload.so"
        done
done
UNPAGED_PRELOAD_PATH=lib/other.so launch run true
saw "LD_PRELOAD=$other"
mkdir alone 'with space'
cp "$LAUNCHER" alone/unpaged
cp "$FAKE_PRELOAD" 'with space/libunpaged-preload.so'
unpaged=$work/alone/unpaged launch run true
refused "libunpaged-preload.so" "$work/alone" UNPAGED_PRELOAD_PATH
UNPAGED_PRELOAD_PATH=$work/none.so launch run true
refused "UNPAGED_PRELOAD_PATH=$work/none.so" "No such file"
UNPAGED_PRELOAD_PATH="with space/libunpaged-preload.so" launch run true
refused "with space" LD_PRELOAD "UNPAGED_PRELOAD_PATH"

# ---- paths outlive a change of directory ----------------------------------------------------

mkdir swap
launch run --stats stats.rel --log ./log.rel --swap file:swap sh -c 'cd /; true'
ended 0
saw "UNPAGED_STATS=$work/stats.rel"
saw "UNPAGED_LOG=$work/./log.rel"
saw "UNPAGED_SWAP=file:$work/swap"
mkdir spill
launch run --swap zram:1M --spill file:spill true
if [ "$(stat -f -c %T spill)" = tmpfs ]; then
        refused 'lies in memory'
else
        ended 0
        saw "UNPAGED_SPILL=file:$work/spill"
        launch run --swap zram:1M --spill file:spill:64M true
        saw "UNPAGED_SPILL=file:$work/spill:64M"
fi
launch run --swap zram:1M --spill file:nowhere true
refused 'nowhere' 'name a directory'
launch run --swap zram:1M --spill file:stats.rel/x true
refused 'name a directory'
if [ "$(stat -f -c %T /dev/shm)" = tmpfs ]; then
        launch run --swap zram:1M --spill file:/dev/shm true
        refused 'lies in memory'
fi
launch run --spill file:spill true
refused 'zram that has a limit'
launch run --swap zram:1M --spill disk true
refused 'must be none'
launch run --spill none true
ended 0
truncate -s 1M swapfile
launch run --children off --swap file:swapfile true
ended 0
saw "UNPAGED_SWAP=file:$work/swapfile"
echo kept >stats.old
launch run --stats stats.old true
check "what is there is kept" [ "$(cat stats.old)" = kept ]
echo old >trace.old
launch run --trace trace.old true
ended 0
saw "UNPAGED_TRACE=$work/trace.old"
check "what a trace replaces stays until then" [ "$(cat trace.old)" = old ]
mkfifo pipe
launch run --stats pipe true
ended 0

# ---- switched off ---------------------------------------------------------------------------

UNPAGED_OFF=1 UNPAGED_BUDGET=x launch run sh -c 'echo "${LD_PRELOAD-none}"'
ended 0
silent
check "nothing is preloaded" [ "$(cat out)" = none ]
UNPAGED_OFF=1 launch run --verbose true
check "and that can be told" grep -q 'runs unpaged: UNPAGED_OFF' err
UNPAGED_OFF=1 launch run --require true
refused --require UNPAGED_OFF
UNPAGED_SKIP=cat,true launch run --require true
refused --require UNPAGED_SKIP
UNPAGED_ONLY="cat" launch run --require true
refused --require UNPAGED_ONLY
UNPAGED_ONLY="cat" launch run sh -c 'true; cat </dev/null'
saw "program cat"

finish
