# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# Associative arrays, arrays of arrays, sorting; gawk has an alternate signal stack from malloc.
packages="gawk"
large=yes
needs="gawk"

prepare() {
        generate lines 1.5 6 >text
}

program() {
        "$@" gawk '
                {
                        for (i = 2; i < NF; i++)
                                seen[$i]++
                        line[$1] = $0
                        group[$2][$NF] = group[$2][$NF] $1
                }
                END {
                        n = asorti(line, key)
                        for (i = 1; i <= n; i += 97)
                                print key[i], line[key[i]]
                        PROCINFO["sorted_in"] = "@val_num_desc"
                        for (word in seen)
                                if (++shown <= 40)
                                        print word, seen[word]
                        PROCINFO["sorted_in"] = "@ind_str_asc"
                        for (word in group)
                                print word, length(group[word])
                        delete line
                        print length(line), length(key)
                }' "$input/text"
}
