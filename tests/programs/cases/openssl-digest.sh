# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# A message that openssl holds in memory several times over: digested, wrapped, verified.
packages="openssl"
needs="openssl"

prepare() {
        generate bytes 12 13 >data
}

program() {
        "$@" openssl cms -digest_create -md sha256 -binary -outform DER -in "$input/data" -out message
        "$@" openssl cms -digest_verify -binary -inform DER -in message -out data
        cmp data "$input/data" && echo "the same"
        "$@" openssl dgst -sha512 -r data | cut -d ' ' -f 1
}
