#!/usr/bin/env bash
# Ends what hangs: the processes below PARENT, once nothing was written to LOG for so many SECONDS. Runs until PARENT ends, and tells every
# five minutes that it does, so that a run that was cut off shows whether it was slow or stood still.
#   tools/watch.sh PARENT LOG SECONDS
# Only test runners are ended, with what they started; cargo goes on with the next one and says that this one failed.
set -euo pipefail
parent=$1 log=$2 silence=$3

# Prints the processes below one, one a line, parents first.
below() {
    awk -v root="$1" '
        /^Pid:/  { pid = $2 }
        /^PPid:/ { children[$2] = children[$2] " " pid }
        function walk(of,    list, i, count) {
            count = split(children[of], list, " ")
            for (i = 1; i <= count; i++) { print list[i]; walk(list[i]) }
        }
        END { walk(root) }
    ' /proc/[0-9]*/status 2>/dev/null || true
}

command_of() { { tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null || true; }
program_of() { readlink "/proc/$1/exe" || true; }

next=300
while sleep 5 && kill -0 "$parent" 2>/dev/null; do
    if ((SECONDS >= next)); then
        echo "watch: tests run for $SECONDS s, $(grep -c '^test .* \.\.\. ' "$log" || true) are done"
        next=$((next + 300))
    fi
    (($(date +%s) - $(stat -c %Y "$log") > silence)) || continue
    for runner in $(below "$parent"); do
        case $(program_of "$runner") in
        */deps/*-[0-9a-f]*) ;;
        *) continue ;;
        esac
        echo "watch: nothing was said for $silence s; these are ended:"
        processes="$runner $(below "$runner")"
        for process in $processes; do
            echo "watch:   $process $(command_of "$process" | head -c 200)"
        done
        # shellcheck disable=SC2086 # one word for each process
        kill -KILL $processes 2>/dev/null || true
        break
    done
done
