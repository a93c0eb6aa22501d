#!/usr/bin/env bash
# Runs every fuzz target of tests/fuzz for the given number of seconds; stops at the first that finds something.
#   tools/fuzz.sh SECONDS [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
folder=tests/fuzz

tools/setup.sh build
if ! command -v cargo-fuzz >/dev/null && [ ! -x "$target/tools/bin/cargo-fuzz" ]; then
  echo "fuzz: installing cargo-fuzz into $target/tools" >&2
  cargo install --quiet --locked cargo-fuzz --root "$target/tools" </dev/null
fi
export PATH="$target/tools/bin:$PATH"
# The sanitizers are unstable options; the release compiler takes them only so.
export RUSTC_BOOTSTRAP=1

[ $# != 0 ] || mapfile -t found < <(cargo fuzz list --fuzz-dir "$folder")
for name in "${@:-${found[@]}}"; do
  echo "fuzz: $name for $seconds s"
  # New inputs go into target; what is in the repository is where it starts from.
  mkdir -p "$target/fuzz-corpus/$name"
  cargo fuzz run --fuzz-dir "$folder" --target-dir "$target/fuzz" "$name" "$target/fuzz-corpus/$name" "$folder/corpus/$name" -- \
    -max_total_time="$seconds" -print_final_stats=1 -rss_limit_mb=4096 </dev/null
done
echo "fuzz: nothing found"
