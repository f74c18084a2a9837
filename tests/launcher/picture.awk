# SPDX-License-Identifier: MIT
# picture.awk - awk -f picture.awk PICTURE.svg: whether all of a picture can be read.
#
# No text may overlap another, leave the canvas, stand in a panel (a rect of class "panel"), or be
# crossed by a line or by a curve (a path of M and L). Prints every breach; exits with 1 if there was one.
#
# The box of a text is taken as 0.62 em a letter, and from 0.8 em above its baseline to 0.22 em below.
# One element a line is expected, as the pictures here have them.

function breach(words) {
        print FILENAME ": " words
        failed = 1
}

function attribute(name, at) {
        at = index($0, " " name "=\"")
        if (!at)
                return ""
        at = substr($0, at + length(name) + 3)
        return substr(at, 1, index(at, "\"") - 1)
}

function add_line(xa, ya, xb, yb) {
        lines++
        lx1[lines] = xa; ly1[lines] = ya
        lx2[lines] = xb; ly2[lines] = yb
}

# What is left of the line from `from` on, in one direction: Liang and Barsky.
function clip(p, q) {
        if (p == 0)
                return q >= 0
        if (p < 0 && q / p > enter)
                enter = q / p
        if (p > 0 && q / p < leave)
                leave = q / p
        return 1
}

function crosses(l, t, dx, dy) {
        dx = lx2[l] - lx1[l]
        dy = ly2[l] - ly1[l]
        enter = 0
        leave = 1
        return clip(-dx, lx1[l] - left[t]) && clip(dx, right[t] - lx1[l]) &&
               clip(-dy, ly1[l] - top[t]) && clip(dy, bottom[t] - ly1[l]) && enter < leave
}

/<svg / {
        split(attribute("viewBox"), box, " ")
        wide = box[3]
        high = box[4]
}

BEGIN {
        font[""] = 12
}

/<style>/ {
        rest = $0
        while (match(rest, /\.[a-z]+\{[^}]*font-size:[0-9.]+px/)) {
                rule = substr(rest, RSTART + 1, RLENGTH - 3)
                rest = substr(rest, RSTART + RLENGTH)
                name = substr(rule, 1, index(rule, "{") - 1)
                sub(/.*font-size:/, "", rule)
                font[name] = rule + 0
        }
}

/<text/ {
        class = attribute("class")
        size = attribute("font-size") != "" ? attribute("font-size") : class in font ? font[class] : font[""]
        words = $0
        sub(/^[^>]*>/, "", words)
        sub(/<\/text>.*/, "", words)
        plain = words
        gsub(/&[a-z]+;/, "x", plain)
        width = length(plain) * size * 0.62
        anchor = attribute("text-anchor")
        n++
        said[n] = words
        left[n] = attribute("x") - (anchor == "end" ? width : anchor == "middle" ? width / 2 : 0)
        right[n] = left[n] + width
        top[n] = attribute("y") - 0.8 * size
        bottom[n] = attribute("y") + 0.22 * size
}

/<line/ {
        add_line(attribute("x1"), attribute("y1"), attribute("x2"), attribute("y2"))
}

/<path/ && / d="M[0-9.]+ [0-9.]+L/ {
        points = split(substr(attribute("d"), 2), point, "[ML]")
        for (i = 1; i <= points; i++) {
                split(point[i], xy, " ")
                if (i > 1)
                        add_line(x, y, xy[1], xy[2])
                x = xy[1]
                y = xy[2]
        }
}

/<rect class="panel"/ {
        panels++
        pl[panels] = attribute("x") + 0
        pr[panels] = pl[panels] + attribute("width")
        pt[panels] = attribute("y") + 0
        pb[panels] = pt[panels] + attribute("height")
}

END {
        if (n == 0)
                breach("no text")
        for (i = 1; i <= n; i++) {
                if (said[i] == "")
                        breach("an empty text")
                if (left[i] < 0 || right[i] > wide || top[i] < 0 || bottom[i] > high)
                        breach("\"" said[i] "\" leaves the canvas")
                for (j = 1; j < i; j++)
                        if (left[i] < right[j] && left[j] < right[i] && top[i] < bottom[j] && top[j] < bottom[i])
                                breach("\"" said[i] "\" overlaps \"" said[j] "\"")
                for (j = 1; j <= lines; j++)
                        if (crosses(j, i)) {
                                breach("a line crosses \"" said[i] "\"")
                                break
                        }
                for (j = 1; j <= panels; j++)
                        if (left[i] < pr[j] && pl[j] < right[i] && top[i] < pb[j] && pt[j] < bottom[i])
                                breach("\"" said[i] "\" stands in a panel")
        }
        exit failed
}
