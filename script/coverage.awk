# Reads what `gcov --stdout --branch-probabilities --branch-counts` says of many object files, joins
# what it says of the same line, and prints it for each file and folder; see script/coverage.

BEGIN {
    # Percent of lines and of branches that must be run.
    need["src/core"] = need_branches["src/core"] = 100
    need["src/wire"] = need_branches["src/wire"] = 95
    need["src/store"] = need_branches["src/store"] = 95
    excluded_at_most = 1 # percent of a folder's lines
    FS = ":"
}

# "        -:    0:Source:/path/file.c"
$2 + 0 == 0 && $3 == "Source" {
    file = substr($4, 1, length(root)) == root ? substr($4, length(root) + 1) : ""
    folder = file
    sub(/\/[^\/]*$/, "", folder)
    if (!(folder in need))
        file = ""
    marked = ""
    next
}

file == "" { next }

# "branch  1 taken 11389 (fallthrough)", or "never executed", of the line before
/^branch/ {
    split($0, words, " ")
    key = file SUBSEP line SUBSEP words[2]
    if (!(key in taken))
        taken[key] = 0
    if (words[3] == "taken")
        taken[key] += words[4]
    if (words[2] + 1 > branches[file, line])
        branches[file, line] = words[2] + 1
    next
}

# "    #####:   11:        return NULL;"
/^ *[-#=0-9*]+: *[0-9]+:/ {
    count = $1
    line = $2 + 0
    gsub(/[ *]/, "", count)
    text = $0
    sub(/^[^:]*:[^:]*:/, "", text)
    if (line > last_line[file])
        last_line[file] = line
    if (!((file, line) in source)) {
        source[file, line] = text
        mark(text)
    }
    if (count == "-")
        next
    if (!((file, line) in run))
        run[file, line] = 0
    if (count ~ /^[0-9]/)
        run[file, line] += count
}

# Remembers which lines a marker excludes, and why.
function mark(text)
{
    if (text ~ /UNREACHED: /) {
        why = text
        sub(/.*UNREACHED: */, "", why)
        alone = text ~ /^ *\/\* UNREACHED/
        inside = text !~ /\*\//
        sub(/ *\*\/.*/, "", why)
        if (alone)
            marked = why
        else
            reason[file, line] = why
        return
    }
    if (marked != "" && inside) { # its comment goes on
        inside = text !~ /\*\//
        return
    }
    if (marked == "")
        return
    if (text ~ /^[^ {}]/) # not indented: a function
        in_function = 1
    reason[file, line] = marked
    if (in_function ? text ~ /^}/ : text ~ /;[^;]*$/)
        marked = in_function = ""
}

function percent(part, whole)
{
    return whole ? 100 * part / whole : 100
}

function row(name, lines, lines_run, all, all_taken, left)
{
    printf "%-28s %5d of %5d %6.2f %%  %5d of %5d %6.2f %%  %4s\n", name, lines_run, lines,
           percent(lines_run, lines), all_taken, all, percent(all_taken, all), left ? left : ""
}

# Counts one file into f_*.
function measure(file,    at, i, not_run, whole)
{
    f_lines = f_run = f_all = f_taken = f_left = 0
    for (at = 1; at <= last_line[file]; at++) {
        if (!((file, at) in run))
            continue
        not_run = run[file, at] ? "" : "line"
        whole = source[file, at] ~ /TEMP_FAILURE_RETRY/ ? 0 : branches[file, at] + 0
        for (i = 0; i < whole; i++)
            if (((file, at, i) in taken) && !taken[file, at, i])
                not_run = not_run " " i
        if ((file, at) in reason) {
            f_left++
            excluded = excluded sprintf("%s:%d: %s\n", file, at, reason[file, at])
            if (not_run == "")
                stale = stale sprintf("%s:%d: is run, and is marked: %s\n", file, at,
                                      reason[file, at])
            continue
        }
        f_lines++
        f_run += run[file, at] > 0
        for (i = 0; i < whole; i++) {
            if (!((file, at, i) in taken))
                continue
            f_all++
            f_taken += taken[file, at, i] > 0
        }
        if (not_run != "" && missing == "yes")
            gaps = gaps sprintf("%s:%d: %s:%s\n", file, at,
                                not_run ~ /line/ ? "line" : "branch" not_run, source[file, at])
    }
}

function sorted(    count, i, j, name)
{
    for (name in last_line)
        names[++count] = name
    for (i = 2; i <= count; i++) {
        name = names[i]
        for (j = i - 1; j > 0 && names[j] > name; j--)
            names[j + 1] = names[j]
        names[j + 1] = name
    }
    return count
}

END {
    count = sorted()
    printf "%-28s %23s  %23s  %s\n", "", "lines run", "branches taken", "excluded"
    for (i = 1; i <= count; i++) {
        file = names[i]
        folder = file
        sub(/\/[^\/]*$/, "", folder)
        measure(file)
        row(file, f_lines, f_run, f_all, f_taken, f_left)
        d_lines[folder] += f_lines
        d_run[folder] += f_run
        d_all[folder] += f_all
        d_taken[folder] += f_taken
        d_left[folder] += f_left
    }
    if (gaps != "")
        printf "\nNot run:\n%s", gaps
    if (excluded != "")
        printf "\nExcluded:\n%s", excluded
    print ""
    fflush()
    for (folder in need) {
        row(folder, d_lines[folder], d_run[folder], d_all[folder], d_taken[folder], d_left[folder])
        fflush()
        if (percent(d_run[folder], d_lines[folder]) < need[folder] ||
            percent(d_taken[folder], d_all[folder]) < need_branches[folder] || !d_lines[folder]) {
            printf "%s: less than the %d %% of lines and %d %% of branches it must have\n", folder,
                   need[folder], need_branches[folder] >"/dev/stderr"
            failed = 1
        }
        if (d_left[folder] * 100 > (d_lines[folder] + d_left[folder]) * excluded_at_most) {
            printf "%s: more than %d %% of its lines are excluded\n", folder,
                   excluded_at_most >"/dev/stderr"
            failed = 1
        }
    }
    if (stale != "") {
        printf "%s", stale >"/dev/stderr"
        failed = 1
    }
    exit failed
}
