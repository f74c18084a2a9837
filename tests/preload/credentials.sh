#!/bin/bash
# SPDX-License-Identifier: MIT
# credentials.sh PROGRAM: as compare, for root, which alone has privileges to give up.
here=$(realpath "$(dirname "$0")")
# shellcheck source=tests/preload/support.sh
. "$here/support.sh"

[ "$(id -u)" -eq 0 ] || skip "only root has privileges to give up"
UNPAGED_MASK_FEATURES=$mask "$here/compare" "$1"
