#!/usr/bin/env bash
# Builds the webmail and the console into host/web/dist, from where the server's build takes it; what is up to date costs milliseconds.
#   tools/web.sh          what it needs of npm's, as the lock file says, and the pages
#   tools/web.sh check    then types, lints and format
#   tools/web.sh test     then its tests, those in a browser as well
set -euo pipefail
cd "$(dirname "$0")/../host/web"
exec </dev/null

# Runs a command unless it went well before with the same files (and folders of them), and what it made is still there.
once() { # what it makes, the stamp, files and folders, --, command...
  local made=$1 stamp=$2 inputs=() seen
  shift 2
  while [ "$1" != -- ]; do
    inputs+=("$1")
    shift
  done
  shift
  seen=$(find "${inputs[@]}" -type f -exec sha256sum {} + | sort | sha256sum)
  if [ -e "$made" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$seen" ]; then
    return
  fi
  rm -f "$stamp"
  "$@"
  echo "$seen" >"$stamp"
}

install() {
  echo "web: installing what the webmail is built with" >&2
  npm ci --loglevel=error >&2
}

build() {
  echo "web: building the webmail" >&2
  npm run --silent build >&2
}

# The stamps are in the folder that npm makes anew: without what it holds nothing is up to date.
packages=(package.json package-lock.json .npmrc)
once node_modules node_modules/.installed "${packages[@]}" -- install
once dist/index.html node_modules/.built "${packages[@]}" index.html vite.config.ts vite.console.config.ts tsconfig.json src console public tools -- build

case ${1:-} in
  '') ;;
  check) npm run --silent check ;;
  test)
    npm test --silent
    npm run --silent browser
    ;;
  *)
    echo "web: no such word: $1" >&2
    exit 64
    ;;
esac
