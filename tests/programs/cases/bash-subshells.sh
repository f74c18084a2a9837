# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# A shell with much in its variables that forks subshells, pipelines, substitutions by the hundred.
packages="bash"
large=yes
processes=20

prepare() {
        generate lines 0.9 12 >text
}

program() {
        "$@" bash "$here/sources/subshells.bash" "$input/text" "$(scaled 40)"
}
