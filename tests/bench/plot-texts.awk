# SPDX-License-Identifier: MIT
# plot-texts.awk - the texts of a picture of gnuplot, an element a line, for ../launcher/picture.awk. Not those
# that are turned, and none that are empty.
/viewBox=/ {
        print "<svg " $0
}
match($0, /<g transform="translate\([-0-9.]+,[-0-9.]+\)[^>]*>/) {
        group = substr($0, RSTART, RLENGTH)
        split(substr(group, index(group, "(") + 1), at, "[,)]")
        anchor = match(group, /text-anchor="[a-z]+"/) ? substr(group, RSTART, RLENGTH) : "text-anchor=\"start\""
        match(group, /font-size="[0-9.]+"/)
        size = substr(group, RSTART, RLENGTH)
}
/<text>/ && group !~ /rotate/ {
        gsub(/<[^>]*>|^[ \t]+/, "")
        sub(/^ +/, "")
        if ($0 != "")
                printf "<text x=\"%s\" y=\"%s\" %s %s>%s</text>\n", at[1], at[2], anchor, size, $0
}
