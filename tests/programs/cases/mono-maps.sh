# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# A virtual machine that looks functions up in the C library by itself, and a collector that stops
# threads by signals.
packages="mono-runtime mono-mcs"
large=yes
needs="mono mcs"
ceiling=32

prepare() {
        mcs -out:Maps.exe "$here/sources/Maps.cs"
}

program() {
        "$@" mono "$input/Maps.exe" "$(scaled 300000)"
}
