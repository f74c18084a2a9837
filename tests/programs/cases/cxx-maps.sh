# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# std::map of strings, std::deque, sorting, and exceptions through many frames.
packages="g++"
large=yes
needs="$CXX"

prepare() {
        compile maps.cc -std=c++17
}

program() {
        "$@" "$input/maps" "$(scaled 150000)"
}
