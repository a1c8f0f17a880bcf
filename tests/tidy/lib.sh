# Shared by the tidy checks. Each check prints `file:line: what is wrong` and exits 1 if it printed
# anything; with --help it says what it checks.

failures=0

complain() {
    printf '%s\n' "$*"
    failures=$((failures + 1))
}

finish() {
    if [ "$failures" -gt 0 ]; then
        printf '%s: %d problem(s)\n' "$(basename "$0" .sh)" "$failures"
        exit 1
    fi
    exit 0
}

# The project's files below $1, relative to it: what git tracks or would track; without git, all
# but build trees.
project_files() {
    (
        cd "$1" || exit 1
        if [ -e .git ] && command -v git >/dev/null; then
            git -c safe.directory='*' ls-files -co --exclude-standard |
                while IFS= read -r file; do [ -f "$file" ] && printf '%s\n' "$file"; done
        else
            find . -name .git -prune -o -path ./build -prune -o -type f -print | sed 's,^\./,,'
        fi
    ) | LC_ALL=C sort
}
