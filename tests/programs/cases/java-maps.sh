# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# The heap of a virtual machine, under two collectors that move what they find; many libraries that
# are opened for all; code that is compiled by threads meanwhile.
packages="openjdk-17-jdk-headless"
large=yes
needs="java javac"
ceiling=64

prepare() {
        javac -d . "$here/sources/Maps.java"
}

program() {
        local collector

        for collector in Serial G1; do
                "$@" java -Xmx400m -XX:+Use${collector}GC -cp "$input" Maps "$(scaled 600000)"
        done
}
