# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# A daemon of the old school: forks twice, closes every descriptor there could be, its parent ends
# first; goes on with the memory it has and writes what it finds.
packages="gcc libc6-dev"
needs="$CC"

prepare() {
        compile daemon.c
}

program() {
        local way
        for way in loop close_range closefrom; do
                "$@" "$input/daemon" "$way" "$(scaled 24)" "result-$way"
        done
}
