#!/usr/bin/env bash
# What can be said without running the server: syntax of scripts, format, lints, architecture and licences.
# Every check runs even if one before it failed; the names of those that failed are the last line.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=()

check() { # name, command...
  echo "check: $1"
  "${@:2}" </dev/null || failed+=("$1")
}

scripts() {
  local script bad=0
  while IFS= read -r script; do
    bash -n "$script" || bad=1
  done < <(grep -lE '^#!/usr/bin/env bash' .ci/* tools/*)
  return $bad
}

python() { # compiles in memory: no files are left behind
  python3 - <<'PY'
import pathlib, sys
bad = 0
for path in [path for folder in ("bench", "plugin-sdk", "tools") for path in pathlib.Path(folder).rglob("*.py")]:
    try:
        compile(path.read_text(), str(path), "exec")
    except SyntaxError as error:
        print(f"{path}:{error.lineno}: {error.msg}", file=sys.stderr)
        bad = 1
sys.exit(bad)
PY
}

tools/setup.sh build web python || exit $?
check "shell syntax" scripts
check "Python syntax" python
# Before the first build, which takes its pages.
check "webmail: types, lints, format" tools/web.sh check
check "format" cargo fmt --all --check
check "lints" cargo clippy --quiet --workspace --all-targets --locked -- -D warnings
check "architecture and licences" cargo test --quiet --workspace --locked architecture

if [ ${#failed[@]} != 0 ]; then
  printf -v names ', %s' "${failed[@]}"
  echo "check: FAILED: ${names:2}" >&2
  exit 1
fi
echo "check: all passed"
