#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs that cannot be paged run as they do alone. One line says why, which --quiet silences, and
# --require forbids it.
# shellcheck disable=SC2016
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=support.sh
. "$here/support.sh"

cc=${CC:-cc}
cat >main.c <<'END'
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
        const char *list = getenv("LD_PRELOAD");
        printf("%s\n", list ? list : "none");
        return 3;
}
END

# unpaged_as WORDS PRELOAD PROGRAM...: it runs unpaged for that reason, PRELOAD being what its
# LD_PRELOAD is ("kept": ours; "none"; or "" where the program does not say).
unpaged_as() {
        local words=$1 preload=$2 wanted=0
        shift 2
        case $preload in kept) preload=$library ;; esac
        "$@" >plain 2>plain.err || wanted=$?
        launch run --quiet "$@"
        ended "$wanted"
        check "not a word" cmp -s err plain.err
        [ -z "$preload" ] || check "LD_PRELOAD is $preload" [ "$(cat out)" = "$preload" ]
        never "the library is in it" [ -e "$FAKE_PRELOAD_OUT" ]
        local option
        for option in '' --verbose; do
                launch run $option "$@"
                ended "$wanted"
                check "one line more" [ "$(wc -l <err)" -eq $(($(wc -l <plain.err) + 1)) ]
                check "it says: $words" grep -q "^unpaged: .*: runs unpaged: .*$words" err
        done
        rm -f log
        launch run --quiet --log log "$@"
        ended "$wanted"
        check "not a word here" cmp -s err plain.err
        check "the log says: $words" grep -q "^unpaged: .*: runs unpaged: .*$words" log
        launch run --require "$@"
        refused --require
        check "the error says: $words" grep -q "$words" err
}

# paged PROGRAM...: nothing keeps it from being paged.
paged() {
        local wanted=0
        "$@" >plain 2>plain.err || wanted=$?
        launch run --verbose "${require[@]}" "$@"
        ended "$wanted"
        check "not a word" cmp -s err plain.err
        check "the library is in it" [ -s "$FAKE_PRELOAD_OUT" ]
}

# make_program NAME FLAG...: false, and a word, where this compiler cannot.
make_program() {
        local name=$1
        shift
        local code=0
        if "$cc" -o "$name" main.c "$@" 2>cc.log; then
                "./$name" >plain 2>&1 || code=$?
                [ $code -ne 3 ] || return 0
        fi
        skip "$name: what $cc makes with ${*} does not work here"
        false
}

# ---- ordinary ones --------------------------------------------------------------------------

make_program pie -fPIE -pie && paged ./pie
make_program nopie -fno-pie -no-pie && paged ./nopie
make_program stripped -s && paged ./stripped
paged sh -c 'exit 4'
printf '#!/bin/sh\nexit 5\n' >script
chmod +x script
paged ./script
loader=$(readelf -l pie | sed -n 's/.*interpreter: \(.*\)]/\1/p')
paged "$loader" ./pie

# ---- static ---------------------------------------------------------------------------------

if make_program static -static; then
        unpaged_as 'static' kept ./static
        printf '#!%s/static\n' "$work" >script
        unpaged_as 'static' kept ./script
        launch run --children off ./static
        check "nobody to keep it for" [ "$(cat out)" = none ]
        LD_PRELOAD=$work/lib/none.so launch run --children off ./static
        check "others stay" [ "$(cat out)" = "$work/lib/none.so" ]
fi
make_program static-pie -static-pie && unpaged_as 'static' kept ./static-pie

# ---- other machines, other loaders ----------------------------------------------------------

cp pie alien
printf '\002' | dd of=alien bs=1 seek=18 conv=notrunc status=none # e_machine: SPARC
launch run --require ./alien
refused 'architecture'
launch run ./alien # no such thing as running it: the shell's attempt is the plain run's, too
never "the library is in it" [ -e "$FAKE_PRELOAD_OUT" ]
ln -s "$loader" ld-other.so.1
make_program other -Wl,--dynamic-linker="$work/ld-other.so.1" && unpaged_as 'loader' none ./other
printf '#!%s/other\n' "$work" >script
unpaged_as 'loader' none ./script
LD_PRELOAD=$library:$library launch run ./other
check "taken out wherever it stood" [ "$(cat out)" = none ]
cp "$FAKE_PRELOAD" lib/more.so
LD_PRELOAD=$library:$work/lib/more.so:$library launch run ./other
check "others stay" [ "$(cat out)" = "$work/lib/more.so" ]

# ---- sanitizers -----------------------------------------------------------------------------

for kind in address thread leak; do
        make_program "needs-$kind" -fsanitize=$kind && unpaged_as sanitizer none "./needs-$kind"
        make_program "holds-$kind" -fsanitize=$kind -static-lib${kind:0:1}san &&
                unpaged_as sanitizer none "./holds-$kind"
done
make_program undefined -fsanitize=undefined && paged ./undefined
if command -v clang >/dev/null; then
        for kind in address thread memory leak; do
                if clang -o "clang-$kind" -fsanitize=$kind main.c 2>cc.log; then
                        unpaged_as sanitizer none "./clang-$kind"
                fi
        done
        if clang -o clang-shared -fsanitize=address -shared-libasan main.c 2>cc.log; then
                launch run --require ./clang-shared
                refused sanitizer
        fi
else
        skip "clang is not here"
fi
# The runtime is told by the names that the program gives away, in either kind of table.
cat >init.c <<'END'
void __msan_init(void);
void __msan_init(void)
{
}
END
cat >weak.c <<'END'
extern void __msan_init(void) __attribute__((weak));
void (*volatile init)(void);
__attribute__((constructor)) static void look(void)
{
        init = __msan_init;
}
END
cat >own.c <<'END'
#include <stddef.h>
#include <unistd.h>
void free(void *p);
void *malloc(size_t size);
void free(void *p)
{
        (void)p;
}
void *malloc(size_t size)
{
        return sbrk((long)((size + 15) & ~(size_t)15));
}
END
make_program own-malloc own.c -fno-builtin && paged ./own-malloc
for table in gnu sysv both; do
        make_program "exports-$table" init.c -rdynamic -Wl,--hash-style=$table &&
                unpaged_as sanitizer none "./exports-$table"
        make_program "wants-$table" weak.c -rdynamic -Wl,--hash-style=$table && paged "./wants-$table"
        make_program "hides-$table" init.c -Wl,--hash-style=$table && paged "./hides-$table"
done

# ---- privileges -----------------------------------------------------------------------------

judged_by_nobody() { # WORDS: what a user without privileges is told about ./special
        rm -f "$FAKE_PRELOAD_OUT"
        status=0
        unprivileged "$unpaged" run --verbose ./special >out 2>err || status=$?
        ended 3
        if [ -n "$1" ]; then
                check "it says: $1" grep -q "runs unpaged: .*$1" err
        else
                silent
        fi
}

umask 022
cp pie special
chmod 755 special
judged_by_nobody ''
chmod 711 special
if [ "$(id -u)" -eq 0 ]; then
        judged_by_nobody 'not be read'
        chown 65534:65534 special
        chmod 4755 special
        unpaged_as 'set-user-ID' '' ./special
        launch run setpriv --no-new-privs ./special
        check "without effect it can be paged" grep -qx 'program special' "$FAKE_PRELOAD_OUT"
        launch run --verbose setpriv --no-new-privs "$unpaged" run --verbose ./special
        silent
        judged_by_nobody ''
        mkdir nosuid
        mounted='mount -t tmpfs -o nosuid tmpfs nosuid && cp -p special nosuid'
        if unshare -m sh -c "$mounted" >out 2>err; then
                status=0
                unshare -m sh -c "$mounted"' && exec "$@"' sh "$unpaged" run --verbose \
                        "${require[@]}" nosuid/special >out 2>err || status=$?
                ended 3
                silent
                check "the library is in it" grep -qx "$library" out
        else
                skip "nothing can be mounted here"
        fi
        printf '#!/bin/sh\nexit 5\n' >script
        chown 65534 script
        chmod 4755 script
        paged ./script
        chmod 2755 special
        unpaged_as 'set-group-ID' '' ./special
        chmod 2745 special # without x it asked for mandatory locks, once
        paged ./special
        chown 0:0 special
        chmod 6755 special
        paged ./special
        judged_by_nobody 'set-user-ID'
        chmod 755 special
        if command -v setcap >/dev/null && setcap cap_net_raw+ep special 2>cc.log; then
                judged_by_nobody 'capabilities'
                paged ./special
        else
                skip "no capabilities on files here"
        fi
else
        skip "set-user-ID and other users' files: wants root"
fi

# ---- permission -----------------------------------------------------------------------------

cp pie ordinary
chmod 755 ordinary
if unprivileged "$unpaged" check >out 2>err; then
        skip "everybody may use userfaultfd here"
else
        rm -f "$FAKE_PRELOAD_OUT"
        status=0
        unprivileged "$unpaged" run --require ./ordinary >out 2>err || status=$?
        refused --require userfaultfd
        status=0
        unprivileged "$unpaged" run ./ordinary >out 2>err || status=$?
        ended 3
        silent
fi

finish
