# SPDX-License-Identifier: MIT
# dots.gp - a row for each line of $data: three times as dots, and three figures at the right.
set tmargin at screen down(130)
set bmargin at screen down(high - 55)
set lmargin at screen 0.26
set rmargin at screen 0.68
set logscale x
set xrange [least:most]
set yrange [rows - 0.4:-0.6]
set xlabel xlabel noenhanced
set ytics scale 0 noenhanced
set xtics (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, '1 ms' 1e3, '2 ms' 2e3, '5 ms' 5e3, '10 ms' 1e4, \
        '20 ms' 2e4, '50 ms' 5e4, '100 ms' 1e5, '1 s' 1e6)
right(column) = 0.695 + 0.103 * column # of the dots
do for [i = 0:2] {
        set label heads[i + 1] at screen right(i), screen down(118) noenhanced textcolor lt i + 1
}
do for [i = 0:3 * rows - 1] {
        set label figures[i + 1] at screen right(i % 3), first i / 3 noenhanced
}
plot for [i = 1:3] $data using (column(i + 1)):0:ytic(1) with points lt i ps 0.9 notitle
