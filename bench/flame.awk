# SPDX-License-Identifier: MIT
# flame.awk - awk -f flame.awk [-v title=TEXT] [-v subtitle=TEXT] [-v width=PIXELS] FOLDED: a flame graph, as SVG.
#
# Reads folded stacks, "outermost;...;innermost COUNT" a line, in any order; draws a box for each frame: above
# the one that called it, as wide as its share of all samples, neighbours sorted by name. Colours tell
# the kinds that fold.awk marks. On hover a box says how many samples it has; a click in a browser makes it
# as wide as the picture, one on the lowest box shows all again.

BEGIN {
        if (!width)
                width = 1400
        row = 18      # height of a frame
        margin = 12
        head = 84     # title, subtitle, legend
        font = 12
        letter = 7.25 # width of one, in a monospaced font of that size
        least = 0.25  # pixels; what is narrower is left out
        nodes = 1
        name_of[1] = "all"
}

# The child `name` of node `of`, made if it is not there.
function child(of, name) {
        if (!((of, name) in node)) {
                node[of, name] = ++nodes
                name_of[nodes] = name
                kids[of]++
                kid[of, kids[of]] = nodes
        }
        return node[of, name]
}

NF {
        n = $NF
        if (n !~ /^[0-9]+$/) {
                printf "flame.awk: line %d has no count\n", NR >"/dev/stderr"
                failed = 1
                exit 1
        }
        sub(/[ \t]+[0-9]+$/, "")
        depth = split($0, frame, ";")
        samples[1] += n
        at = 1
        for (i = 1; i <= depth; i++) {
                at = child(at, frame[i])
                samples[at] += n
        }
}

# By insertion: a frame calls few others.
function sort_kids(of, i, j, moved) {
        for (i = 2; i <= kids[of]; i++) {
                moved = kid[of, i]
                for (j = i - 1; j >= 1 && name_of[kid[of, j]] > name_of[moved]; j--)
                        kid[of, j + 1] = kid[of, j]
                kid[of, j + 1] = moved
        }
}

function escaped(text) {
        gsub(/&/, "\\&amp;", text)
        gsub(/</, "\\&lt;", text)
        gsub(/>/, "\\&gt;", text)
        gsub(/"/, "\\&quot;", text)
        gsub(/[\001-\037]/, "?", text)
        return text
}

# One of three shades of the kind's colour, always the same for the same name.
function class_of(name, kind, i, sum) {
        kind = "p"
        if (name ~ /_\[[kcls]\]$/)
                kind = substr(name, length(name) - 1, 1)
        for (i = 1; i <= length(name); i++)
                sum += i * index(letters, substr(name, i, 1))
        return kind (sum % 3)
}

# The box of `at` and what is above it, from the sample `first` on.
function draw(at, first, level, left, wide, name, class, y, fits, i) {
        left = margin + first * scale
        wide = samples[at] * scale
        if (wide < least)
                return
        name = name_of[at]
        y = bottom - (level + 1) * row
        printf "<g data-first=\"%d\" data-samples=\"%d\"><title>", first, samples[at]
        class = level < 2 ? "r" : class_of(name)
        sub(/_\[[kcls]\]$/, "", name)
        printf "%s\n%d samples, %.2f %%</title>", escaped(name), samples[at], 100 * samples[at] / samples[1]
        printf "<rect class=\"%s\" x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\"/>", class, left, y,
                (wide > 1 ? wide - 0.5 : wide), row - 1
        fits = int((wide - 6) / letter)
        if (fits < 4)
                name = ""
        else if (length(name) > fits)
                name = substr(name, 1, fits - 2) ".."
        printf "<text x=\"%.2f\" y=\"%d\">%s</text></g>\n", left + 3, y + row - 5, escaped(name)
        sort_kids(at)
        for (i = 1; i <= kids[at]; i++) {
                draw(kid[at, i], first, level + 1)
                first += samples[kid[at, i]]
        }
}

# How many rows are drawn above the one of `at`.
function rows_above(at, i, rows, most) {
        for (i = 1; i <= kids[at]; i++)
                if (samples[kid[at, i]] * scale >= least) {
                        rows = 1 + rows_above(kid[at, i])
                        if (rows > most)
                                most = rows
                }
        return most + 0
}

function shades(kind, first, second, third) {
        printf ".%s0{fill:%s}.%s1{fill:%s}.%s2{fill:%s}\n", kind, first, kind, second, kind, third
}

function legend(kind, words) {
        printf "<rect class=\"%s1\" x=\"%d\" y=\"%d\" width=\"14\" height=\"12\"/>", kind, legend_x, head - 28
        printf "<text x=\"%d\" y=\"%d\">%s</text>\n", legend_x + 19, head - 18, words
        legend_x += 19 + length(words) * letter + 20
}

# The click.
function script() {
        print "<script><![CDATA["
        printf "const margin = %d, width = %d, letter = %s;\n", margin, width - 2 * margin, letter
        print "const frames = [...document.querySelectorAll('#frames > g')].map(g => {"
        print "  const rect = g.querySelector('rect');"
        print "  return {g, rect, text: g.querySelector('text'), y: +rect.getAttribute('y'),"
        print "          first: +g.dataset.first, n: +g.dataset.samples,"
        print "          name: g.querySelector('title').textContent.split('\\n')[0]};"
        print "});"
        print "function zoom(to) {"
        print "  const scale = width / to.n;"
        print "  for (const f of frames) {"
        print "    const below = f.y > to.y && f.first <= to.first && f.first + f.n >= to.first + to.n;"
        print "    const above = f.y <= to.y && f.first >= to.first && f.first + f.n <= to.first + to.n;"
        print "    const x = below ? margin : margin + (f.first - to.first) * scale;"
        print "    const wide = below ? width : f.n * scale;"
        print "    const fits = Math.floor((wide - 6) / letter);"
        print "    f.g.style.display = above || below ? '' : 'none';"
        print "    f.rect.setAttribute('x', x);"
        print "    f.rect.setAttribute('width', wide > 1 ? wide - 0.5 : wide);"
        print "    f.text.setAttribute('x', x + 3);"
        print "    f.text.textContent = fits < 4 ? '' : f.name.length > fits ? f.name.slice(0, fits - 2) + '..' : f.name;"
        print "  }"
        print "}"
        print "for (const f of frames) f.g.addEventListener('click', () => zoom(f));"
        print "]]></script>"
}

END {
        if (failed)
                exit 1
        if (!samples[1]) {
                print "flame.awk: no samples" >"/dev/stderr"
                exit 1
        }
        letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
        if (title == "")
                title = "Flame graph"
        scale = (width - 2 * margin) / samples[1]
        height = head + (rows_above(1) + 1) * row + margin
        bottom = height - margin
        print "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
        printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" " \
                "font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"%d\">\n",
                width, height, width, height, font
        print "<style>"
        shades("k", "#f0a35e", "#f4b273", "#ec9a52")
        shades("l", "#7cc08a", "#8ccb98", "#6fb57e")
        shades("c", "#c79be0", "#d1abe6", "#bd8dd9")
        shades("s", "#c3c9d1", "#ced3da", "#b9c0c9")
        shades("p", "#7fb2e5", "#91bdea", "#72a8de")
        print ".r{fill:#e4e4e4} g:hover rect{stroke:#000} text{fill:#1a1a1a;pointer-events:none}"
        print ".paper{fill:#ffffff}"
        # The boxes keep their colours on a dark page, and what is written in them, too.
        print "@media(prefers-color-scheme:dark){.paper{fill:#16191d} text{fill:#e6e8eb} #frames text{fill:#1a1a1a}}"
        print "</style>"
        printf "<rect width=\"%d\" height=\"%d\" class=\"paper\"/>\n", width, height
        printf "<text x=\"%d\" y=\"24\" font-size=\"17\" font-weight=\"bold\">%s</text>\n", margin, escaped(title)
        printf "<text x=\"%d\" y=\"44\" font-size=\"11\">%s</text>\n", margin, escaped(subtitle)
        legend_x = margin
        legend("p", "program")
        legend("l", "the pager")
        legend("c", "codec")
        legend("s", "other libraries")
        legend("k", "kernel")
        printf "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" fill-opacity=\"0.6\">width: share of the samples; " \
                "above a function: what it calls</text>\n", width - margin, head - 18
        print "<g id=\"frames\">"
        draw(1, 0, 0)
        print "</g>"
        script()
        print "</svg>"
}
