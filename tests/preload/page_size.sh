#!/bin/bash
# SPDX-License-Identifier: MIT
# page_size.sh: on a kernel whose pages are not 4 KiB programs run as ever, and --verbose says why.
# shellcheck source=tests/preload/support.sh
. "$(dirname "$0")/support.sh"

export UNPAGED_MASK_FEATURES=page_4k
"$LAUNCHER" run --verbose --budget "$budget" -- echo runs >out 2>err || fail "ends with $?" out err
grep -qx runs out || fail "it did not run" out err
grep -q 'runs unpaged: the pages of this kernel are not 4 KiB' err || fail "no reason" err
status=0
"$LAUNCHER" run --require --budget "$budget" -- echo runs >out 2>err || status=$?
[ "$status" -eq 125 ] || fail "with --require the status is $status, not 125" out err
[ ! -s out ] || fail "with --require it ran" out
finish
