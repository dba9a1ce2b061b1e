#!/bin/bash
# All tests, in the order that takes the least time: `make test` runs this. $1: test processes at once.
set -uo pipefail
cd "$(dirname "$0")/.."

LAB=(tests/asterisk)
PURE=(tests/connectors tests/contract tests/core tests/web/api)
OTHERS=("${LAB[@]/#/--ignore=}" "${PURE[@]/#/--ignore=}")

# Compiled once: each worker and each process of a test starts a second sooner.
pytest() { env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -m pytest --durations 5 --durations-min 3 "$@"; }

# What went wrong is tried once more, alone, and both times are told. With 2 pytest says that somebody
# interrupted it, or that there are tests that cannot be read: then nothing follows.
tested() {
    local how=$1 status=0
    shift
    # shellcheck disable=SC2086 # several words
    pytest $how "$@" || status=$?
    if ((status == 2)); then
        exit 2
    elif ((status)); then
        # shellcheck disable=SC2086
        pytest $how -n 0 --last-failed --last-failed-no-failures none "$@"
    fi
}

export -f pytest tested

# Tests that wait for nothing fill the gaps that the others leave, and tell what they have to say at the end.
# A session of its own, since the kernel shares the processor out among sessions first: only there does an idle
# process give way to those of another one.
told=$(mktemp)
# shellcheck disable=SC2016 # for the other shell
setsid bash -c '
    { echo 19 >/proc/self/autogroup; } 2>/dev/null
    chrt --idle --pid 0 $$
    tested "$@"
' pure "-n 2 --dist loadfile -o cache_dir=.pytest_cache/pure" "${PURE[@]}" >"$told" 2>&1 &
pure=$!
trap 'kill -- "-$pure" 2>/dev/null; rm -f "$told"' EXIT

failed=0
tested "-n ${1:-2} --dist loadfile" "${OTHERS[@]}" || failed=1
# The calls of a real PBX come last: phones do not wait for a busy machine.
tested "-n 2 --dist loadgroup" "${LAB[@]}" || failed=1
wait "$pure" || failed=1
cat "$told"
exit "$failed"
