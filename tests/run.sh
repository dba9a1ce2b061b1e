#!/bin/bash
# All tests, in the order that takes the least time: `make test` runs this. $1: test processes at once.
set -uo pipefail
cd "$(dirname "$0")/.."

LAB=(tests/asterisk)
PURE=(tests/connectors tests/contract tests/core)
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

failed=0
tested "-n ${1:-2} --dist loadfile" "${OTHERS[@]}" || failed=1

# The calls of a real PBX come last: phones do not wait for a busy machine. They leave a third of it idle, which
# the tests that wait for nothing take, while nobody else wants it; these tell what they have to say at the end.
told=$(mktemp)
set -m # a group of its own, to be ended as one
(
    chrt --idle --pid 0 $BASHPID
    tested "-o cache_dir=.pytest_cache/pure" "${PURE[@]}"
) >"$told" 2>&1 &
pure=$!
set +m
trap 'kill -- "-$pure" 2>/dev/null; rm -f "$told"' EXIT
tested "-n 2 --dist loadgroup" "${LAB[@]}" || failed=1
wait "$pure" || failed=1
cat "$told"
exit "$failed"
