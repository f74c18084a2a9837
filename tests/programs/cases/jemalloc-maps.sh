# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# An allocator that the program brings, linked and preloaded: operators new and delete as well.
packages="g++ libjemalloc2"
large=yes
needs="$CXX"

prepare() {
        compile maps.cc -std=c++17
        mv maps maps-plain
        compile maps.cc -std=c++17 -Wl,--no-as-needed -l:libjemalloc.so.2
}

program() {
        "$@" "$input/maps" "$(scaled 80000)"
        LD_PRELOAD=libjemalloc.so.2 "$@" "$input/maps-plain" "$(scaled 80000)"
}
