# Sourced by run and full: a clean clone to work in, and how many seconds each step takes.
set -euo pipefail

work=$(mktemp -d)
step= began=0 table=

close_step() { [ -z "$step" ] || table+=$(printf '%6ss  %s' "$((SECONDS - began))" "$step")$'\n'; }

say() { # begin a step
    close_step
    step=$1 began=$SECONDS
    printf '\n== %s (%ss)\n' "$step" "$SECONDS"
}

finish() { # whatever way the script ends
    local code=$?
    close_step
    printf '\n== seconds by step, %ss in all%s\n%s' "$SECONDS" "$([ "$code" = 0 ] || echo ", ended with exit code $code")" "$table"
    local jobs_left
    jobs_left=$(jobs -p)
    [ -z "$jobs_left" ] || kill $jobs_left 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

clone() { # a clean clone of the tree that the script lies in, and go there
    local here
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    git clone --quiet "$here" "$work/rppgbench"
    cd "$work/rppgbench"
}
