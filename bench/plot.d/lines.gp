# SPDX-License-Identifier: MIT
# lines.gp - a panel for each block of $data: the time of each subject over a size. Where it is -1, all runs
# of the subject were lost: a cross stands near the lower edge.
set multiplot
set y2range [0:1]
set logscale x 2
if (log_y) set logscale y; else set yrange [0:*]
set ylabel ylabel noenhanced
set offsets graph 0.05, graph 0.05, graph 0.05, 0
set bmargin at screen down(high - 75)
set tmargin at screen down(panels > 1 ? 165 : 110)
set label 7 '×  all runs lost' at screen 740. / wide, screen down(86)
left(panel) = (85 + (panel - 1) * (wide - 45.) / panels) / wide
do for [p = 1:panels] {
        set lmargin at screen left(p)
        set rmargin at screen left(p + 1) - 55. / wide
        set title titles[p] noenhanced font ',10'
        set xlabel xlabels[p].' (logarithmic)' noenhanced
        if (bytes[p]) { set format x '%.0b %BB'; set xtics rotate by -25 } else { set format x '%g'; set xtics norotate }
        plot for [i = 1:3] $data index p - 1 using 1:(column(i + 1) > 0 ? column(i + 1) : NaN) \
                        with linespoints lt i notitle, \
                for [i = 1:3] '' index p - 1 using 1:(column(i + 1) < 0 ? 0.06 * i : NaN) axes x1y2 \
                        with points lt i pt 2 ps 1.5 notitle
        unset ylabel
        unset label
}
