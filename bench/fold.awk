# SPDX-License-Identifier: MIT
# fold.awk - awk -f fold.awk NAMES - : what `perf script -F comm,ip,sym,dso` prints, as folded stacks.
#
# One line a stack: "thread;outermost;...;innermost COUNT". The end of a frame's name tells its kind:
#
#   _[k]  the kernel            _[l]  the pager, and what `unpaged run` puts before it
#   _[c]  a compressor          _[s]  another shared library
#   none  the program
#
# NAMES tells which functions are whose, "pager NAME", "codec NAME" or "preload NAME" a line: in a
# program that is linked statically only the name says it.

# What compilers and linkers append is no part of the name; neither may it hold what separates frames.
function plain(name) {
        sub(/@.*/, "", name)
        while (sub(/\.(localalias|cold|(part|isra|constprop|lto_priv|llvm)(\.[0-9]+)?)(\.[0-9]+)?$/, "", name))
                ;
        gsub(/[; ]/, "_", name)
        return name
}

function marked(name, dso) {
        if (dso ~ /^\[(kernel|guest|bpf)/ || dso ~ /\.ko(\.|$)/ || dso ~ /^\[[a-z0-9_]+\]$/ && dso !~ /vdso|vsyscall|unknown|heap|stack/)
                return name "_[k]"
        if (dso ~ /\/lib(lz4|zstd)\.so/)
                return name "_[c]"
        if (dso ~ /\.so(\.|$)/ && dso !~ /\/libunpaged/ || dso ~ /vdso|vsyscall/)
                return name "_[s]"
        if (whose[name] == "codec")
                return name "_[c]"
        if (whose[name] == "pager" || dso ~ /\/libunpaged\.so/ || dso ~ /\/libunpaged-preload/ && preload[name])
                return name "_[l]"
        return name
}

function stack_end() {
        if (thread != "")
                count[thread stack]++
        thread = stack = ""
        unknown = 0
}

FILENAME != "-" {
        if ($1 == "preload")
                preload[plain($2)] = 1
        else if ($1 == "codec" || !(plain($2) in whose))
                whose[plain($2)] = $1
        next
}

/^[ \t]*$/ {
        stack_end()
        next
}

thread == "" {
        sub(/^[ \t]+/, "")
        sub(/[ \t:]+$/, "")
        gsub(/[; ]/, "_")
        thread = $0 == "" ? "?" : $0
        next
}

# "ADDRESS NAME (DSO)", the innermost first. What has no name is called by its file. Where a library keeps
# no frame pointers the walk goes astray: what is in no file is one frame, and none at the outer end.
{
        dso = $0
        sub(/^.* \(/, "", dso)
        sub(/\)[ \t]*$/, "", dso)
        sub(/^[ \t]*[0-9a-f]+ /, "")
        sub(/ \([^()]*(\([^()]*\))?[^()]*\)[ \t]*$/, "")
        if ($0 == "[unknown]" && (dso == "[unknown]" || dso ~ /^(\/\/anon|\[(heap|stack))/)) {
                unknown = 1
                next
        }
        if (unknown)
                stack = ";[unknown]" stack
        unknown = 0
        if ($0 == "[unknown]") {
                sub(/^.*\//, "", dso)
                $0 = "[" dso "]"
                sub(/^\[\[/, "[")
                sub(/\]\]$/, "]")
                if (index(stack ";", ";" marked($0, dso) ";") == 1)
                        next
        }
        stack = ";" marked(plain($0), dso) stack
}

END {
        stack_end()
        for (path in count)
                print path, count[path]
}
