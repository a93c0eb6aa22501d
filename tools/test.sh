#!/usr/bin/env bash
# Runs the tests with everything they drive: PostgreSQL, plugins, the server's binary, mail clients.
#   tools/test.sh                 every test
#   tools/test.sh NAME [ARG…]     what `cargo test` selects by NAME, in the test crate
# Ends with totals over all runners; the exit code says whether all passed.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
export CARGO_TERM_COLOR=never # the totals are read from the output
log=$target/test.log

tools/setup.sh build web guest languages test clients peers browser
tools/web.sh
# One build of everything, so that features are unified once and nothing is compiled twice.
cargo build --locked --workspace --all-targets </dev/null
"$target/debug/waxwing-plugin-build" --all
tools/languages.sh

status=0
: >"$log"
# All tests together never are silent for so long; one that was asked for by name may be.
if [ $# -eq 0 ]; then
    tools/watch.sh $$ "$log" 900 &
    watcher=$!
    trap 'kill "$watcher" 2>/dev/null || true' EXIT
fi
tools/with-postgres.sh cargo test --locked --workspace --no-fail-fast "$@" </dev/null 2>&1 | tee "$log" || status=$?
python3 -m unittest -q bench.tests 2>&1 | tee -a "$log" || status=$?
(cd plugin-sdk/python/tone && PYTHONDONTWRITEBYTECODE=1 python3 -m unittest -q tests) 2>&1 | tee -a "$log" || status=$?
(cd plugin-sdk/js && npm test --silent) 2>&1 | tee -a "$log" || status=$?
[ $# -gt 0 ] || NO_COLOR=1 tools/web.sh test 2>&1 | tee -a "$log" || status=$?

awk '
  /^test result: /  { runners++; passed += $4; failed += $6; ignored += $8 }
  /^Ran [0-9]+ test/ { runners++; python = $2 }
  /^OK/             { passed += python }
  /^# pass /        { runners++; passed += $3 }
  /^# fail /        { failed += $3 }
  # vitest:   Tests  1 failed | 2 passed | 3 skipped (6)
  /^ *Tests  .*\([0-9]+\)$/ {
    runners++
    for (i = 2; i < NF; i++) {
      if ($(i + 1) == "passed") passed += $i
      if ($(i + 1) == "failed") failed += $i
      if ($(i + 1) == "skipped") ignored += $i
    }
  }
  /^test .* \.\.\. FAILED$/ { broken[$2] }
  /^test .* has been running for over / { late[$2] }
  /^test .* \.\.\. (ok|FAILED|ignored)/ { delete late[$2] }
  /^FAILED \(/      { split($0, parts, /[=,)]/); failed += parts[2]; passed += python - parts[2] }
  END {
    for (name in broken) print "failed: " name
    for (name in late) print "did not end: " name
    printf "tests: %d runners, %d passed, %d failed, %d ignored\n", runners, passed, failed, ignored
  }
' "$log"
exit "$status"
