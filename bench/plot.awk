# SPDX-License-Identifier: MIT
# plot.awk - awk -v picture=NAME -f plot.awk FILE: the gnuplot program for one picture, from the JSON lines of
# bench-rivals. Exits with 1, and prints the reason, if the file has no figures for it.
#
# Only lines of medians count ("pair":null), of equal ones the last. What a picture compares is drawn for the
# same workload and data, which its heading names; a subject has the same colour everywhere.

BEGIN {
        subjects = split("signal thread kernel", subject_at, " ")
        split("#2f6fb3 #3a9a5b #e07b28 #8a5cc2 #b8434e #6b7280 #b59a1a #1aa3a3", colours, " ")
        for (i = 1; i <= subjects; i++)
                number_of[subject_at[i]] = i
        # What was aimed at, in times of the kernel.
        goals("random-read", 2, 1.4)
        goals("random-rmw", 1.5, 1.15)
        goals("seq-read", 3, 2.5)
        goals("seq-write", 3, 2.5)
        goals("zipf-read", 2, 1.4)
        goals("loop", 3, 2)
        # Series of bench-rivals, and what each varies.
        series["rivals"] = series["latency"] = series["overcommit"] = "matrix"
        series["scale"] = "pages budget threads"
}

function goals(workload, by_signal, by_thread) {
        goal["signal", workload] = by_signal
        goal["thread", workload] = by_thread
}

# ---- reading -------------------------------------------------------------------------------------

# The value of a key, "" for null and for what is not there.
function value(key, text) {
        if (!match($0, "\"" key "\":(\"[^\"]*\"|[^,}]*)"))
                return ""
        text = substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3)
        gsub(/^"|"$/, "", text)
        return text == "null" ? "" : text
}

!/"bench":"rivals"/ { next }

/"machine":[{]/ {
        sub(/^.*"machine":[{]/, "") # the inner "machine" is the architecture
        this_machine = "Linux " value("kernel") " " value("machine") ", " value("cpu") ", " value("cpus") " CPUs, " \
                value("memory_mib") " MiB; " (value("cgroup") > 0 ? "cgroup v" value("cgroup") ", " : "") "zram " value("zram") ", swappiness " \
                value("swappiness") ", page-cluster " value("page_cluster") ", huge pages " value("huge_pages") \
                (value("masked") != "" ? ", without " value("masked") : "")
        next
}

value("pair") == "" && index(" " series[picture] " ", " " value("series") " ") {
        key = value("series") SUBSEP value("subject") SUBSEP value("workload") SUBSEP value("data") SUBSEP \
                value("overcommit") SUBSEP value("threads") SUBSEP value("budget") SUBSEP value("pages")
        if (!(key in at))
                at[key] = ++rows
        i = at[key]
        machine = this_machine
        in_series[i] = value("series")
        subject[i] = value("subject")
        workload[i] = value("workload")
        data[i] = value("data")
        overcommit[i] = value("overcommit") + 0
        threads[i] = value("threads") + 0
        budget[i] = value("budget") + 0
        pages[i] = value("pages") + 0
        access[i] = value("ns_per_access") / 1000
        fault[i] = value("ns_per_fault") / 1000
        p50[i] = value("p50") / 1000
        p99[i] = value("p99") / 1000
        p999[i] = value("p999") / 1000
        ratio[i] = value("rival") == "kernel" ? value("ratio") + 0 : 0
        if (!(subject[i] in number_of)) {
                subject_at[++subjects] = subject[i]
                number_of[subject[i]] = subjects
        }
}

# ---- words ---------------------------------------------------------------------------------------

function size(bytes) {
        return bytes >= 1073741824 ? sprintf("%.4g GiB", bytes / 1073741824) : \
                bytes >= 1048576 ? sprintf("%.4g MiB", bytes / 1048576) : sprintf("%.4g KiB", bytes / 1024)
}

function time(us) {
        return us >= 1000 ? sprintf("%.3g ms", us / 1000) : us >= 100 ? sprintf("%.0f µs", us) : \
                us >= 1 ? sprintf("%.1f µs", us) : sprintf("%.0f ns", us * 1000)
}

function count(n, noun) {
        return n " " noun (n == 1 ? "" : "s")
}

function colour(name) {
        return colours[(number_of[name] - 1) % 8 + 1]
}

function called(name) {
        return name == "signal" ? "unpaged, by signal" : name == "thread" ? "unpaged, by thread" : \
                name == "kernel" ? "the kernel (zram)" : name
}

# A string of gnuplot.
function quoted(text) {
        gsub(/["\\]/, "\\\\&", text)
        return "\"" text "\""
}

function budgets(n) {
        return sprintf("%g times the budget", n)
}

# ---- choosing ------------------------------------------------------------------------------------

function far(n) {
        return n > 4 ? n / 4 : 4 / n
}

# Of the rows for a subject, workload and data, `usual` is the one with the fewest threads, the overcommit
# closest to 4, and the last budget.
function choose_usual(i, key, u) {
        for (i = 1; i <= rows; i++) {
                key = subject[i] SUBSEP workload[i] SUBSEP data[i]
                u = usual[key]
                if (!u || threads[i] < threads[u] || \
                                threads[i] == threads[u] && far(overcommit[i]) <= far(overcommit[u]))
                        usual[key] = i
        }
}

function nothing(why) {
        print why
        exit failed = 1
}

# ---- parts of a picture --------------------------------------------------------------------------

function begin(wide, high, title, about) {
        printf "set terminal svg size %d,%d enhanced background \"#ffffff\" ", wide, high
        print "font \"DejaVu Sans,Helvetica,Arial,sans-serif,11\""
        print "set encoding utf8"
        print "set border 3 lc rgb \"#888888\"\nset tics nomirror textcolor rgb \"#333333\""
        print "set style line 50 lc rgb \"#dddddd\" lw 0.8\nset grid xtics ytics ls 50"
        printf "set label 1 \"{/:Bold %s}\" at screen 0.012, screen %.4f left font \",15\" textcolor rgb \"#111111\"\n", title, 1 - 22 / high
        heading(2, about, 1 - 44 / high, 11)
        heading(3, machine == "" ? "machine unknown" : machine, 1 - 62 / high, 9)
        printf "set tmargin at screen %.4f\n", 1 - 105 / high
}

function heading(n, text, y, points) {
        printf "set label %d %s at screen 0.012, screen %.4f left noenhanced font \",%g\" textcolor rgb \"%s\"\n",
                n, quoted(text), y, points, (n == 3 ? "#666666" : "#111111")
}

# Names of subjects in their colours, in one line under the heading.
function legend_of_bars(wide, high, names, i, n, name, x) {
        x = 0.012
        n = split(names, name, " ")
        for (i = 1; i <= n; i++) {
                printf "set object rectangle from screen %.4f, screen %.4f to screen %.4f, screen %.4f fc rgb \"%s\" fs solid noborder\n",
                        x, 1 - 90 / high, x + 13 / wide, 1 - 79 / high, colour(name[i])
                printf "set label %s at screen %.4f, screen %.4f left\n", quoted(called(name[i])), x + 19 / wide, 1 - 84 / high
                x += (45 + 7 * length(called(name[i]))) / wide
        }
        return x
}

# ---- rivals --------------------------------------------------------------------------------------

function bar(name, w, d, top, low, i, r) {
        i = usual[name, w, d]
        r = i ? ratio[i] : 0
        if (!r)
                return
        bars[name] = bars[name] sprintf("%g %g %g %g %g %g\n", r, (top + low) / 2, (r < 1 ? r : 1), (r < 1 ? 1 : r), top, low)
        numbers[name] = numbers[name] sprintf("%g %g %s\n", right, (top + low) / 2, sprintf(r < 0.1 ? "%.3f" : "%.2f", r))
        if ((name, w) in goal)
                marks = marks sprintf("%g %g 0 %g\n", goal[name, w], top - 0.04, low - top + 0.08)
}

function draw_rivals(i, j, w, d, y, begun, most, least, high, ticks, labels, about, x) {
        most = 3
        least = 0.8
        for (i = 1; i <= rows; i++) {
                w = workload[i]
                d = data[i]
                if (usual[subject[i], w, d] != i || !ratio[i] || subject[i] !~ /^(signal|thread)$/)
                        continue
                if (!(w in datas))
                        workload_at[++workloads] = w
                if (!((w, d) in seen))
                        data_at[w, ++datas[w]] = d
                seen[w, d] = 1
                over[w] = overcommit[i]
                if (w != "loop")
                        about = "a budget of " size(budget[i]) ", memory of " budgets(overcommit[i]) \
                                " if not said otherwise, " count(threads[i], "thread")
                most = ratio[i] > most ? ratio[i] : most
                least = ratio[i] < least ? ratio[i] : least
                if (over[w] && w != "loop")
                        common = over[w]
        }
        if (!workloads)
                nothing("no ratio of signal or thread to the kernel")
        right = most * 1.06
        y = 0
        for (i = 1; i <= workloads; i++) {
                w = workload_at[i]
                begun = y
                for (j = 1; j <= datas[w]; j++) {
                        d = data_at[w, j]
                        bar("signal", w, d, y + 0.1, y + 0.47)
                        bar("thread", w, d, y + 0.53, y + 0.9)
                        ticks = ticks (ticks ? ", " : "") quoted(d) " " y + 0.5
                        y++
                }
                labels = labels sprintf("set label \"{/:Bold %s}\" at screen 0.012, first %g left\n", w, begun + 0.5)
                if (over[w] != common)
                        labels = labels sprintf("set label \"{/*0.85 (%s)}\" at screen 0.012, first %g left\n",
                                budgets(over[w]), begun + 1.15)
                if (i < workloads)
                        labels = labels rule(0.97, y + 0.2)
                y += 0.4
        }
        high = 168 + 30 * y
        begin(960, high, "How many times as long the kernel takes", about)
        x = legend_of_bars(960, high, "signal thread")
        printf "set arrow from screen %.4f, screen %.4f to screen %.4f, screen %.4f nohead front lw 2.4 lc rgb \"#111111\"\n",
                x, 1 - 92 / high, x, 1 - 77 / high
        printf "set label \"goal\" at screen %.4f, screen %.4f left\n", x + 0.008, 1 - 84 / high
        printf "set lmargin at screen 0.24\nset rmargin at screen 0.92\nset bmargin at screen %.4f\n", 60 / high
        printf "set yrange [%g:-0.1]\nset xrange [%g:%g]\nset logscale x 2\n", y - 0.3, least / 1.1, right
        print "set xtics (\"1/128\" 1. / 128, \"1/64\" 1. / 64, \"1/32\" 1. / 32, \"1/16\" 1. / 16, \"1/8\" 0.125, \"1/4\" 0.25, \"1/2\" 0.5, \"1\" 1, \"1.5\" 1.5, \"2\" 2, \"3\" 3, \"4\" 4, \"6\" 6, \"8\" 8, \"12\" 12, \"16\" 16, \"24\" 24, \"32\" 32)"
        print "set xlabel \"time of the kernel / time of unpaged:   right of 1, unpaged is faster;   left of 1, the kernel is\""
        printf "set grid noytics\nset border 1\nset ytics scale 0 (%s)\nunset key\n%s", ticks, labels
        print "set arrow from 1, graph 0 to 1, graph 1 nohead front lw 1.4 lc rgb \"#444444\""
        printf "$signal << EOD\n%sEOD\n$thread << EOD\n%sEOD\n", bars["signal"], bars["thread"]
        printf "$marks << EOD\n%sEOD\n$left << EOD\n%sEOD\n$right << EOD\n%sEOD\n", marks, numbers["signal"], numbers["thread"]
        print "plot \\"
        draw_bars("signal", "left")
        draw_bars("thread", "right")
        print "  " (marks == "" ? "NaN" : "$marks using 1:2:3:4 with vectors nohead lw 2.4 lc rgb \"#111111\"") " notitle"
}

function draw_bars(name, of_numbers) {
        if (bars[name] == "")
                return
        printf "  $%s using 1:2:3:4:5:6 with boxxyerror fs solid 1 noborder lc rgb \"%s\", \\\n", name, colour(name)
        printf "  $%s using 1:2:3 with labels left offset 0.8,0 tc rgb \"%s\" font \",10\", \\\n", of_numbers, colour(name)
}

# ---- latency -------------------------------------------------------------------------------------

function draw_latency(i, n, s, d, y, high, ticks, labels, points, words, most, least, x, about) {
        for (i = 1; i <= rows; i++)
                if (workload[i] == "random-read" && p50[i] > 0 && usual[subject[i], workload[i], data[i]] == i) {
                        if (!(data[i] in seen))
                                data_at[++n] = data[i]
                        seen[data[i]] = 1
                        most = p999[i] > most ? p999[i] : most
                        least = !least || p50[i] < least ? p50[i] : least
                        about = "random-read: one word of any page; a budget of " size(budget[i]) ", memory of " \
                                budgets(overcommit[i]) ", " count(threads[i], "thread")
                }
        if (!n)
                nothing("no percentiles of random-read")
        y = 0
        for (i = 1; i <= n; i++) {
                labels = labels sprintf("set label \"{/:Bold %s}\" at screen 0.012, first %g left\n", data_at[i], y + 0.5)
                for (s = 1; s <= subjects; s++) {
                        x = usual[subject_at[s], "random-read", data_at[i]]
                        if (!x || !p50[x])
                                continue
                        ticks = ticks (ticks ? ", " : "") quoted(called(subject_at[s])) " " y + 0.5
                        points = points sprintf("%g %g %g %g 0x%s\n", y + 0.5, p50[x], p99[x], p999[x], substr(colour(subject_at[s]), 2))
                        labels = labels number(1, p50[x], y) number(2, p99[x], y) number(3, p999[x], y)
                        y++
                }
                if (i < n)
                        labels = labels rule(0.985, y + 0.2)
                y += 0.4
        }
        high = 165 + 27 * y
        begin(960, high, "How long a fault takes", about)
        printf "set lmargin at screen 0.28\nset rmargin at screen 0.79\nset bmargin at screen %.4f\n", 52 / high
        printf "set yrange [%g:-0.1]\nset xrange [%g:%g]\nset logscale x 10\n", y - 0.3, least / 1.4, most * 1.3
        print "set xlabel \"microseconds, logarithmic\""
        printf "set border 1\nset grid noytics\nset ytics scale 0 (%s)\n%s", ticks, labels
        printf "set label \"●  half of the faults take less        ◆  99 of 100        ▲  999 of 1000\" at screen 0.012, screen %.4f left\n",
                1 - 84 / high
        split("50 % 99 % 99.9 %", words, " ")
        for (i = 1; i <= 3; i++)
                printf "set label \"%s\" at screen %.3f, screen %.4f right tc rgb \"#333333\"\n", words[2 * i - 1] " " words[2 * i],
                        0.80 + 0.062 * i, 1 - 95 / high
        print "unset key"
        printf "$points << EOD\n%sEOD\n", points
        print "plot $points using 2:1:($4-$2):(0):5 with vectors nohead lw 3 lc rgb variable notitle, \\"
        print "  $points using 2:1:5 with points pt 7 ps 1 lc rgb variable notitle, \\"
        print "  $points using 3:1:5 with points pt 13 ps 1.2 lc rgb variable notitle, \\"
        print "  $points using 4:1:5 with points pt 9 ps 1.2 lc rgb variable notitle"
}

# A grey line across, from the left edge to `right`.
function rule(right, y) {
        return sprintf("set arrow from screen 0.012, first %g to screen %g, first %g nohead lc rgb \"#aaaaaa\" lw 0.8\n",
                y, right, y)
}

function number(column, us, y) {
        return sprintf("set label \"%s\" at screen %.3f, first %g right\n", time(us), 0.80 + 0.062 * column, y + 0.5)
}

# ---- lines ---------------------------------------------------------------------------------------

# The workload and data of a series to draw: random-read and hard before others, else the first.
function choose_what(s, i, score, best) {
        best = -1
        for (i = 1; i <= rows; i++) {
                if (in_series[i] != s)
                        continue
                score = 2 * (workload[i] == "random-read") + (data[i] == "hard")
                if (score > best) {
                        best = score
                        what_workload = workload[i]
                        what_data = data[i]
                }
        }
        return best >= 0
}

# A block of points "x y" for a subject, sorted by gnuplot; its number of points. Sets y_median.
function block(name, s, x, y, i, j, n, values, text, t) {
        for (i = 1; i <= rows; i++)
                if (in_series[i] == s && subject[i] == name && workload[i] == what_workload && \
                                data[i] == what_data && (s != "matrix" || threads[i] == least_threads) && y[i] > 0) {
                        values[++n] = y[i]
                        text = text sprintf("%.10g %g\n", x[i], y[i])
                        y_most = y[i] > y_most ? y[i] : y_most
                        y_least = !y_least || y[i] < y_least ? y[i] : y_least
                        x_most = x[i] > x_most ? x[i] : x_most
                        x_least = !x_least || x[i] < x_least ? x[i] : x_least
                        where = i
                        if (!((s, x[i]) in ticked)) {
                                ticked[s, x[i]] = 1
                                tick_at[++ticks_n] = x[i]
                        }
                }
        for (i = 2; i <= n; i++) {
                t = values[i]
                for (j = i - 1; j >= 1 && values[j] > t; j--)
                        values[j + 1] = values[j]
                values[j + 1] = t
        }
        y_median = n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
        if (n)
                blocks = blocks sprintf("$%s_%d << EOD\n%sEOD\n", s, number_of[name], text)
        return n
}

function lines(name, s, band) {
        if (band)
                printf "  [%g:%g] '+' using 1:(%g):(%g) with filledcurves fs transparent solid 0.13 noborder lc rgb \"%s\" notitle, \\\n",
                        x_least, x_most, 0.8 * median_of[s, name], 1.2 * median_of[s, name], colour(name)
        printf "  $%s_%d using 1:2 smooth unique with linespoints lw 2 pt 7 ps 0.6 lc rgb \"%s\" notitle, \\\n", s, number_of[name],
                colour(name)
}

# Ticks at the points, in words, if they are sizes; not more than eight.
function x_ticks(is_size, i, j, t, text, every) {
        for (i = 2; i <= ticks_n; i++) {
                t = tick_at[i]
                for (j = i - 1; j >= 1 && tick_at[j] > t; j--)
                        tick_at[j + 1] = tick_at[j]
                tick_at[j + 1] = t
        }
        every = int((ticks_n + 6) / 7)
        for (i = 1; i <= ticks_n; i += every)
                text = text (text ? ", " : "") quoted(is_size ? size(tick_at[i]) : tick_at[i]) " " sprintf("%.10g", tick_at[i])
        return text
}

function draw_scale(n, i, j, s, name, named, any, high, wide, left, right, panel) {
        wide = 1180
        high = 440
        for (i = 1; i <= rows; i++)
                bytes[i] = pages[i] * 4096
        split("pages budget threads", panel, " ")
        for (j = 1; j <= 3; j++) {
                s = panel[j]
                if (!choose_what(s))
                        continue
                ticks_n = x_most = x_least = y_most = 0
                for (i = 1; i <= subjects; i++) {
                        name = subject_at[i]
                        if (s == "pages")
                                n = block(name, s, bytes, fault)
                        else if (s == "budget")
                                n = block(name, s, budget, fault)
                        else
                                n = block(name, s, threads, fault)
                        drawn[s, name] = n
                        median_of[s, name] = y_median
                        if (n && 1.2 * y_median > y_most)
                                y_most = 1.2 * y_median
                        any += n
                }
                from[s] = x_least
                to[s] = x_most
                high_of[s] = y_most
                ticks[s] = x_ticks(s != "threads")
                about[s] = what_workload ", " what_data " data, " (s == "budget" ? "memory of " budgets(overcommit[where]) : \
                        "a budget of " size(budget[where])) (s == "threads" ? ", " budgets(overcommit[where]) : \
                        ", " count(threads[where], "thread"))
        }
        if (!any)
                nothing("no time of a fault over pages, budget or threads: bench-rivals --scale measures it")
        begin(wide, high, "Does a fault cost the same at every size?", "Time of a fault as one thread sees it. " \
                "The bands are 20 % around the median of a line: a line inside its band does not depend on the size.")
        printf "%s", blocks
        for (i = 1; i <= subjects; i++)
                if (drawn["pages", subject_at[i]] + drawn["budget", subject_at[i]] + drawn["threads", subject_at[i]])
                        named = named " " subject_at[i]
        legend_of_bars(wide, high, named)
        print "set logscale x 2\nset samples 2\nunset key"
        print "set multiplot"
        left = 0.06
        for (j = 1; j <= 3; j++) {
                s = panel[j]
                right = left + 0.27
                printf "set lmargin at screen %.4f\nset rmargin at screen %.4f\nset tmargin at screen %.4f\nset bmargin at screen %.4f\n",
                        left, right, 1 - 150 / high, 85 / high
                printf "set title \"{/:Bold over %s}\\n{/*0.82 %s}\" offset 0,-0.4\n", (s == "pages" ? "memory" : s),
                        (s in ticks ? about[s] : "not measured")
                printf "set xlabel \"%s\"\n", (s == "pages" ? "memory (its pages are 4 KiB)" : s == "budget" ? \
                        "budget: what may be resident" : "threads that touch pages")
                printf "set ylabel \"%s\"\n", (j == 1 ? "microseconds a fault" : "")
                if (!(s in ticks)) {
                        print "set xrange [1:8]\nset yrange [0:1]\nset xtics ()\nplot NaN notitle"
                } else {
                        printf "set xrange [%g:%g]\nset yrange [0:%g]\nset xtics %s (%s)\nplot \\\n", from[s] / 1.3, to[s] * 1.3,
                                high_of[s] * 1.06, (s == "threads" ? "norotate" : "rotate by -35"), ticks[s]
                        x_least = from[s] / 1.15
                        x_most = to[s] * 1.15
                        for (i = 1; i <= subjects; i++)
                                if (drawn[s, subject_at[i]])
                                        lines(subject_at[i], s, 1)
                        print "  NaN notitle"
                }
                print "unset label\nunset object" # the headings stand there once
                left += 0.32
        }
        print "unset multiplot"
}

function draw_overcommit(i, named, kinds, high) {
        high = 480
        if (!choose_what("matrix"))
                nothing("no figures of workloads")
        for (i = 1; i <= rows; i++)
                if (workload[i] == what_workload && data[i] == what_data) {
                        least_threads = !least_threads || threads[i] < least_threads ? threads[i] : least_threads
                        if (!(overcommit[i] in seen))
                                kinds++
                        seen[overcommit[i]] = 1
                }
        if (kinds < 2)
                nothing("only one overcommit of " what_workload " was measured: bench-rivals --overcommit takes a list")
        for (i = 1; i <= subjects; i++)
                drawn["matrix", subject_at[i]] = block(subject_at[i], "matrix", overcommit, access)
        begin(820, high, "The more memory, the more often a page is out", what_workload ", " what_data " data, a budget of " \
                size(budget[where]) ", " count(least_threads, "thread") "; time of an access, hits and faults together")
        printf "%s", blocks
        printf "set lmargin at screen 0.09\nset rmargin at screen 0.97\nset bmargin at screen %.4f\n", 58 / high
        printf "set logscale xy\nset xrange [%g:%g]\nset yrange [%g:%g]\nset xtics (%s)\n", x_least / 1.1, x_most * 1.1,
                y_least / 1.5, y_most * 1.5, x_ticks(0)
        print "set xlabel \"overcommit: memory / budget\"\nset ylabel \"microseconds an access, logarithmic\""
        for (i = 1; i <= subjects; i++)
                if (drawn["matrix", subject_at[i]])
                        named = named " " subject_at[i]
        legend_of_bars(820, high, named)
        print "unset key\nplot \\"
        for (i = 1; i <= subjects; i++)
                if (drawn["matrix", subject_at[i]])
                        lines(subject_at[i], "matrix", 0)
        print "  NaN notitle"
}

END {
        if (failed)
                exit 1
        choose_usual()
        if (picture == "rivals")
                draw_rivals()
        else if (picture == "latency")
                draw_latency()
        else if (picture == "scale")
                draw_scale()
        else
                draw_overcommit()
}
