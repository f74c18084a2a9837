# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# A document as a tree: an XPath over it, then written again, canonically. Many small steps of brk.
packages="libxml2-utils"
large=yes
needs="xmllint"

prepare() {
        generate xml 5 15 >list.xml
}

program() {
        "$@" xmllint --xpath 'count(//item[tag[@n="2"]])' "$input/list.xml"
        "$@" xmllint --c14n "$input/list.xml" | sha256sum
}
