# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# An archive with long names and links through gzip; small programs in a pipeline, little memory.
packages="tar gzip"
needs="tar gzip"
processes=0

prepare() {
        mkdir -p tree/{a,b,c}/{d,e,f}
        local folder
        for folder in tree/*/*; do
                generate mixed 0.3 "${#folder}$(printf %d "'${folder: -1}")" >"$folder/data"
                ln -s ../data "$folder/link"
        done
        ln tree/a/d/data tree/c/hard
}

program() {
        "$@" tar -C "$input" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -czf tree.tgz tree
        "$@" tar -xzf tree.tgz
        "$@" gzip -dc tree.tgz | sha256sum
        rm tree.tgz # gzip notes no time, but tar writes the modes of links as the system has them
}
