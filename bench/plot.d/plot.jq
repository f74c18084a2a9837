# SPDX-License-Identifier: MIT
# plot.jq - jq -rs --arg picture NAME -f plot.jq FILE: a picture's figures as gnuplot variables and a block
# $data, from the JSON lines of bench-rivals; dots.gp or lines.gp draws them. If the file has no figures for
# the picture, the reason goes to standard error and jq exits with 1.

def subjects: ["kernel", "signal", "thread"];
def names: ["the kernel (swap to zram)", "unpaged, by signal", "unpaged, by thread"];

# ---- choosing ----------------------------------------------------------------------------------

# Lines of medians, of equal ones the last.
def config: {workload, data, overcommit, threads, budget, pages};
def rows($series): map(select(.bench == "rivals" and .series == $series and .pair == null))
        | map(select([.subject] | inside(subjects)))
        | group_by([.subject, config]) | map(last);

# For each workload and data the rows of one configuration, by subject: the fewest threads, the overcommit
# that is closest to 4, the largest budget.
def usual: group_by([.workload, .data]) | map(group_by(config)
        | min_by(.[0] | [.threads, (.overcommit / 4 | log | fabs), -.budget])
        | (map({(.subject): .}) | add) + {config: .[0] | config});

# The rows of one workload and data: random-read and hard before others.
def alike: (min_by([.workload != "random-read", .data != "hard"]) | [.workload, .data]) as $accesses
        | map(select([.workload, .data] == $accesses));

# ---- words -------------------------------------------------------------------------------------

def nothing($why): "\($why)\n" | halt_error(1);
def quoted: "'" + gsub("'"; "''") + "'"; # for gnuplot
def array($name): "array \($name)[\(length)] = [\(map(quoted) | join(", "))]";
def digits($n): pow(10; $n - 1 - (log10 | floor)) as $unit | . * $unit | round / $unit;
def size: if . >= 1073741824 then "\(. / 1073741824 | digits(4)) GiB"
        elif . >= 1048576 then "\(. / 1048576 | digits(4)) MiB" else "\(. / 1024 | digits(4)) KiB" end;
def time: if . == null then . elif . >= 1e6 then "\(. / 1e6 | digits(3)) ms" else "\(. / 1e3 | digits(3)) µs" end;
def decimals: if . == null then . else . * 100 | round | "\(. / 100 | floor).\(. % 100 + 100 | tostring[1:])" end;
def budget: "a budget of \(.budget | size)";
def memory: "memory of \(.overcommit) times the budget";
def workers: if .threads == 1 then "1 thread" else "\(.threads) threads" end;

# A figure of a row in words; "-": there is none.
def figure($value): if .ns_per_access == null and .lost > 0 then "lost" else
        "\($value // "-")" + if .lost > 0 then " (\(.lost) lost)" else "" end end;

def machine: map(select(.bench == "rivals" and .machine).machine) | last | if . == null then "machine unknown"
        else "Linux \(.kernel) \(.machine), \(.cpu), \(.cpus) CPUs, \(.memory_mib) MiB; cgroup v\(.cgroup), "
        + "zram \(.zram), swappiness \(.swappiness), page-cluster \(.page_cluster), huge pages \(.huge_pages)"
        + if (.masked // "") == "" then "" else ", without \(.masked)" end end;

# ---- the drawings ------------------------------------------------------------------------------

def heading($title; $about): "title = \($title | quoted)", "about = \($about | quoted)";
def line: map(. // "NaN" | tostring) | join("\t");
def block: "$data << EOD", .[], "EOD";
def microseconds: if . then . / 1000 else null end;

# dots.gp, of lines {label, ns: [three times], texts: [three figures]}
def dots: (map(.ns[] | values / 1000) | "least = \(min / 1.3)", "most = \(max * 1.3)"),
        "rows = \(length)", "wide = 1180", "high = 185 + 22 * rows",
        (map(.texts[]) | array("figures")), (map([.label, (.ns[] | microseconds)] | line) | block);

# lines.gp, of panels {title: [lines of text], xlabel, bytes, lines}
def panels: "panels = \(length)", (names | array("series")), (map(.xlabel) | array("xlabels")),
        "array titles[\(length)] = [\(map(.title | map(quoted) | join(".\"\\n\".")) | join(", "))]",
        "array bytes[\(length)] = [\(map(.bytes) | join(", "))]", (map(.lines + ["", ""]) | add | block);

# Their lines: x and the time of each subject; -1: its runs were lost.
def curves(x; time): group_by(x) | map(map({(.subject): .}) | add) | map([(map(values) | .[0] | x)]
        + [.[subjects[]] | if .ns_per_access == null and .lost > 0 then -1 else time | microseconds end] | line);

# ---- the pictures ------------------------------------------------------------------------------

def rivals: rows("matrix") | usual | if length == 0 then nothing("no workload was measured") else . end
        | (group_by(.config.overcommit) | max_by(length)[0].config) as $most
        | heading("How long an access takes"; $most | "\(budget), \(memory) if not said otherwise, \(workers)"),
        "xlabel = 'time of an access, hits and faults together, in microseconds (logarithmic)'",
        (names | array("series")), (["kernel", "kernel/signal", "kernel/thread"] | array("heads")),
        (map({label: (.config | "\(.workload), \(.data)"
                        + if .overcommit == $most.overcommit then "" else " (\(.overcommit) times)" end),
                ns: [.[subjects[]].ns_per_access],
                texts: [(.kernel | figure(.ns_per_access | time)), (.signal, .thread | figure(.ratio | decimals))]}) | dots);

def latency: rows("matrix") | map(select(.workload == "random-read")) | usual
        | map(. as $row | range(3) | {config: $row.config, name: names[.], row: $row[subjects[.]]} | select(.row))
        | if length == 0 then nothing("random-read was not measured") else . end
        | heading("How long a fault takes"; .[0].config | "random-read, one word of any page; \(budget), \(memory), \(workers)"),
        "xlabel = 'time of a fault in microseconds (logarithmic)'",
        (["half of the faults take less", "99 of 100", "999 of 1000"] | array("series")),
        (["50 %", "99 %", "99.9 %"] | array("heads")),
        (map({label: "\(.config.data): \(.name)", ns: (.row | [.p50, .p99, .p999]),
                texts: (.row | [figure(.p50, .p99, .p999 | time)])}) | dots);

def panel($series; $what; $xlabel; $bytes; about; x): rows($series) | select(length > 0) | alike
        | {title: (.[0] | ["over \($what)", "\(.workload), \(.data) data", about]), xlabel: $xlabel,
                bytes: $bytes, lines: curves(x; .ns_per_fault)};

def scale: [panel("pages"; "memory"; "memory (its pages are 4 KiB)"; 1; "\(budget), \(workers)"; .pages * 4096),
                panel("budget"; "budget"; "budget: what may be resident"; 1; "\(memory), \(workers)"; .budget),
                panel("threads"; "threads"; "threads that touch pages"; 0; "\(budget), \(memory)"; .threads)]
        | if length == 0 then nothing("bench-rivals --scale was not run") else . end
        | heading("Does a fault cost the same at every size?"; "A level line: the cost does not depend on it."),
        "ylabel = 'microseconds a fault'", "wide = 1180", "high = 480", "log_y = 0", panels;

def overcommit: rows("matrix") | alike | (map([.threads, -.budget]) | min) as [$threads, $budget]
        | map(select(.threads == $threads and .budget == -$budget))
        | if map(.overcommit) | unique | length < 2 then
                nothing("only one overcommit was measured; bench-rivals --overcommit takes a list") else . end
        | heading("The more memory, the more often a page is out"; .[0] | "\(.workload), \(.data) data, \(budget), \(workers)"),
        "ylabel = 'microseconds an access (logarithmic)'", "wide = 1000", "high = 500", "log_y = 1",
        ([{title: [""], xlabel: "overcommit: memory / budget", bytes: 0,
                lines: curves(.overcommit; .ns_per_access)}] | panels);

"machine = \(machine | quoted)",
if $picture == "rivals" then rivals elif $picture == "latency" then latency
elif $picture == "scale" then scale else overcommit end
