# A flame graph as text, from `perf script`: which thread, who called whom there, and for which
# share of all samples. What the kernel does is one frame.
#
#   perf record -g -F 999 -o /tmp/perf.data -- godwit bench stage --against none
#   perf script -i /tmp/perf.data -F comm,ip,sym | awk -f bench/flame.awk
#
# -v least=2: leaves out what is below so many per cent (default 2). Threads are called by their
# names; `exe` is the application's. A frame without a name is left out of its stack.

BEGIN {
    if (least == "")
        least = 2
}

# "" for a frame inside the kernel's.
function shown(name) {
    if (name ~ /^entry_SYSCALL|^ret_from_fork/)
        return "(kernel)"
    if (name ~ /^asm_exc_/)
        return "(page fault)"
    if (name ~ /^asm_sysvec_/)
        return "(interrupt)"
    return name
}

function enter(path) {
    if (!(path in share))
        order[++paths] = path
    share[path]++
}

function sample_end(   i, path) {
    if (command == "")
        return
    total++
    path = ";" command
    enter(path)
    for (i = depth; i >= 1; i--) {
        path = path ";" shown(stack[i])
        enter(path)
        if (shown(stack[i]) != stack[i])
            break
    }
    depth = 0
}

/^[^ \t]/ { # the command begins a sample
    sample_end()
    command = $1
    next
}

NF >= 2 {
    name = $2
    sub(/\+0x.*/, "", name)
    if (name != "[unknown]" && name !~ /^0x/)
        stack[++depth] = name
}

function children(path, indent,   i, best, found, rest) {
    for (;;) { # the largest first
        found = 0
        for (i = 1; i <= paths; i++) {
            if (index(order[i], path ";") != 1 || done[order[i]])
                continue
            rest = substr(order[i], length(path) + 2)
            if (index(rest, ";") || share[order[i]] * 100 / total < least)
                continue
            if (!found || share[order[i]] > share[found])
                found = order[i]
        }
        if (!found)
            return
        done[found] = 1
        rest = substr(found, length(path) + 2)
        printf "%5.1f %% %*s%s\n", share[found] * 100 / total, indent, "", rest
        children(found, indent + 2)
    }
}

END {
    sample_end()
    if (total)
        children("", 0)
}
