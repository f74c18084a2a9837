# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# Its own sort, awk and sha256sum, in a shell that is itself busybox.
packages="busybox"
needs="busybox"
processes=0 # which of them are processes of their own is decided when it is built

prepare() {
        generate lines 3 14 >text
}

program() {
        "$@" busybox sh -c '
                busybox sort "$1" | busybox tee sorted | busybox sha256sum
                busybox awk "{ seen[\$2] = seen[\$2] \$1 } END { for (w in seen) print w, length(seen[w]) }" \
                        sorted | busybox sort -k2n | busybox tail -n 20
                busybox gzip -c sorted | busybox gunzip -c | busybox cmp - sorted && echo same
        ' sh "$input/text"
}
