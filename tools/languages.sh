#!/usr/bin/env bash
# Builds the example plugins that are not in Rust, plugin-sdk/js and plugin-sdk/python, into target/language-plugins.
# Their componentisers come by npm and pip, as the lock files say, into target/languages; what is up to date costs milliseconds.
set -euo pipefail
cd "$(dirname "$0")/.."
exec </dev/null
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
work=$target/languages
out=$target/language-plugins
mkdir -p "$work/js" "$out"

# Runs a command unless it went well before with the same files (and folders of them), and what it made is still there.
once() { # what it makes, files and folders, --, command...
  local made=$1 inputs=() seen
  shift
  while [ "$1" != -- ]; do
    inputs+=("$1")
    shift
  done
  shift
  seen=$(find "${inputs[@]}" -type f -not -path '*/__pycache__/*' -exec sha256sum {} + | sort | sha256sum)
  local stamp
  stamp=$work/$(basename "$made").stamp
  if [ -e "$made" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$seen" ]; then
    return
  fi
  rm -f "$stamp"
  "$@"
  echo "$seen" >"$stamp"
}

install_js() {
  echo "languages: installing the JavaScript componentiser" >&2
  cp plugin-sdk/js/package.json plugin-sdk/js/package-lock.json plugin-sdk/js/.npmrc "$work/js/"
  (cd "$work/js" && npm ci --loglevel=error >&2)
}

install_python() {
  echo "languages: installing the Python componentiser" >&2
  rm -rf "$work/venv"
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
    --requirement plugin-sdk/python/requirements.txt >&2
}

build_js() {
  (cd plugin-sdk/js && OUT=$work/links.wasm PATH=$work/js/node_modules/.bin:$PATH npm run --silent build >&2)
  mv "$work/links.wasm" "$out/links.wasm"
}

build_python() {
  # The guest's Python leaves compiled files beside its sources.
  rm -rf "$work/tone"
  mkdir "$work/tone"
  cp plugin-sdk/python/tone/app.py plugin-sdk/python/tone/logic.py "$work/tone/"
  "$work/venv/bin/componentize-py" --quiet --wit-path plugin-sdk/wit --world message-plugin \
    componentize --stub-wasi --python-path "$work/tone" --output "$work/tone.wasm" app
  mv "$work/tone.wasm" "$out/tone.wasm"
}

js=(plugin-sdk/js/package.json plugin-sdk/js/package-lock.json plugin-sdk/js/.npmrc)
python=(plugin-sdk/python/requirements.txt)
once "$work/js/node_modules" "${js[@]}" -- install_js
once "$work/venv" "${python[@]}" -- install_python
once "$out/links.wasm" "${js[@]}" plugin-sdk/js/borrows.mjs plugin-sdk/js/links plugin-sdk/wit -- build_js
once "$out/tone.wasm" "${python[@]}" plugin-sdk/python/tone plugin-sdk/wit -- build_python
