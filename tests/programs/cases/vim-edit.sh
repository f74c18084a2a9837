# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# An editor's whole buffer rewritten line by line, with undo.
packages="vim"
large=yes
needs="vim"

prepare() {
        generate lines 2 16 >text
}

program() {
        cp "$input/text" edited
        "$@" vim -u NONE -i NONE -n -es -c 'set undolevels=1000 nomore' \
                -c '%s/\(\w\+\) \(\w\+\)/\2 \1/g' -c 'sort' -c 'g/9$/d' -c 'undo' -c 'g/^a/m$' \
                -c '%!tail -n +3' -c 'w' -c 'q' edited
}
