# Medians of the rounds: SYSTEM VARIANT DURABILITY SECONDS CPU -> a table, or with json=yes an
# object. "times" is the median rate of godwit with fsync by the system's own.

{
    key = $1 " " $2 " " $3
    if (!(key in rounds))
        keys[++systems] = key
    n = ++rounds[key]
    rate[key, n] = count / $4
    cpu[key, n] = $5 * 1e6 / count
}

function sorted(values, key,   n, i, j, held) {
    n = rounds[key]
    for (i = 1; i <= n; i++) {
        held = values[key, i]
        for (j = i; j > 1 && list[j - 1] > held; j--)
            list[j] = list[j - 1]
        list[j] = held
    }
    least = list[1]
    most = list[n]
    return (list[int((n + 1) / 2)] + list[int(n / 2) + 1]) / 2
}

END {
    own = sorted(rate, "godwit - fsync")
    if (json == "yes")
        printf "{\"rows\":["
    else {
        printf "%d messages of %d bytes, random; medians of %d rounds (least-most)\n", count, size,
            runs
        printf "columns: messages/s, CPU s per million messages of all processes, godwit fsync / " \
            "its rate\n\n"
    }
    for (i = 1; i <= systems; i++) {
        key = keys[i]
        split(key, name, " ")
        gsub("-", " ", name[3])
        variant = name[2] == "-" ? "" : name[2]
        seconds = sorted(cpu, key)
        median = sorted(rate, key)
        if (json == "yes")
            printf "%s{\"work\":\"stage\",\"system\":\"%s\",\"variant\":\"%s\"," \
                "\"durability\":\"%s\",\"size\":%d,\"count\":%d,\"runs\":%d,\"rate\":%.0f," \
                "\"rate_min\":%.0f,\"rate_max\":%.0f,\"cpu_s_per_million\":%.3f,\"godwit_fsync_times\":%.2f}",
                (i > 1 ? "," : ""), name[1], variant, name[3], size, count, runs, median, least,
                most, seconds, own / median
        else
            printf "%-9s %-8s %-6s %9.0f  %-21s %8.2f %8.1f\n", name[1], variant, name[3], median,
                sprintf("(%.0f-%.0f)", least, most), seconds, own / median
    }
    if (json == "yes")
        print "]}"
}
