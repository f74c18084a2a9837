# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# A large document, read whole, regrouped and written.
packages="jq"
large=yes
needs="jq"

prepare() {
        generate json 4 7 >list.json
}

program() {
        "$@" jq 'group_by(.tags[0]) | map({tag: .[0].tags[0], n: length,
                best: (max_by(.score) | .name), keys: map(.inner.key) | sort | .[0:5]})
                | sort_by(.n) | reverse' "$input/list.json"
}
