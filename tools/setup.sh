#!/usr/bin/env bash
# Installs what a fresh machine lacks, group by group; where nothing is missing it costs milliseconds.
#   tools/setup.sh build     a linker and C compiler for the crates that bring C along (SQLite, aws-lc)
#   tools/setup.sh guest     a toolchain for WebAssembly guests (rustup's target, else Debian's packages)
#   tools/setup.sh languages what plugins in JavaScript and Python are built with: Node, npm, Python with venv
#   tools/setup.sh web       what the webmail is built with: Node and npm
#   tools/setup.sh browser   Chromium, in which the webmail is tested
#   tools/setup.sh run       curl, with which a first mail is sent and read
#   tools/setup.sh python    Python 3, which some of the tools are written in
#   tools/setup.sh test      what `make test` drives: PostgreSQL, swaks, mbsync, curl, openssl, Python, Pebble
#   tools/setup.sh peers     servers that mail is exchanged with in tests: Postfix, and Exim in the target folder, since Debian has one at a time
#   tools/setup.sh clients   mail programs that read from the server in tests, and Dovecot, from which mail is imported
#   tools/setup.sh bench     what `make bench` compares with and measures by: Postfix, smtp-source, Dovecot, libmilter, and Cyrus and Haraka in the target folder
# A group is there when its programs are, however they came; only what is missing is asked of apt.
set -euo pipefail

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "setup: root or sudo is needed to install packages" >&2
    exit 69
  fi
}

missing=()
need() { # package, the file or command that shows it is there
  case $2 in
    /*) compgen -G "$2" >/dev/null || missing+=("$1") ;;
    *) command -v "$2" >/dev/null || missing+=("$1") ;;
  esac
}

install_missing() {
  [ ${#missing[@]} != 0 ] || return 0
  if ! command -v apt-get >/dev/null; then
    echo "setup: please install what Debian calls: ${missing[*]}" >&2
    exit 69
  fi
  echo "setup: installing ${missing[*]}" >&2
  # A server that a package brings is started by tests and benchmarks on ports of their own, never by the package.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee /usr/sbin/policy-rc.d >/dev/null
    as_root chmod +x /usr/sbin/policy-rc.d
    trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
  as_root "${apt[@]}" update </dev/null
  as_root "${apt[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null >/dev/null
  missing=()
}

# Packages into the folder at hand, for servers that cannot be installed beside others.
download() { # their names
  # Without lists of packages, or with old ones, there is nothing of these names.
  apt-get -qq download "$@" </dev/null 2>/dev/null || {
    as_root apt-get -qq update </dev/null
    apt-get -qq download "$@" </dev/null
  }
}

# Exim's program from its packages, which cannot be installed beside Postfix.
exim() {
  local folder=${CARGO_TARGET_DIR:-target}/exim
  [ -x "$folder/usr/sbin/exim4" ] && return
  command -v dpkg-deb >/dev/null || return 0
  echo "setup: unpacking Exim" >&2
  mkdir -p "$folder"
  # Its program knows its user by name.
  getent passwd Debian-exim >/dev/null || as_root useradd --system --no-create-home --shell /usr/sbin/nologin Debian-exim
  (
    cd "$folder"
    download exim4-daemon-light exim4-base
    for package in *.deb; do dpkg-deb -x "$package" .; done
    rm -f ./*.deb
  )
}

# Cyrus IMAP's programs from its packages, which cannot be installed beside Dovecot's.
cyrus() {
  local folder=${CARGO_TARGET_DIR:-target}/cyrus
  # Unpacked last of all.
  [ -x "$folder/usr/lib/cyrus/bin/pop3d" ] && return
  command -v dpkg-deb >/dev/null || return 0
  echo "setup: unpacking Cyrus IMAP" >&2
  mkdir -p "$folder"
  (
    cd "$folder"
    rm -f ./*.deb
    download cyrus-common cyrus-imapd cyrus-pop3d
    # What its servers are linked with; the virus scanner and the notifications by Zephyr are not among them.
    for library in $(dpkg-deb -f cyrus-common_*.deb Depends | tr ',' '\n' | sed 's/^ *//; s/[ (|:].*//' | grep '^lib' | grep -v -e clamav -e zephyr); do
      dpkg-query -W -f '${Status}' "$library" 2>/dev/null | grep -q ' installed$' || missing+=("$library")
    done
    install_missing
    for package in *.deb; do dpkg-deb -x "$package" .; done
    rm -f ./*.deb
  )
}

# A package of npm's, as its lock file says, into the target folder.
npm_package() { # its name, the folder of the lock file
  local from=$2 folder
  folder=${CARGO_TARGET_DIR:-target}/$(basename "$2")
  # npm writes the file last of all.
  cmp -s "$from/package-lock.json" "$folder/package-lock.json" && [ -e "$folder/node_modules/.package-lock.json" ] && return
  echo "setup: installing $1" >&2
  mkdir -p "$folder"
  cp "$from/package.json" "$from/package-lock.json" "$from/.npmrc" "$folder/"
  (cd "$folder" && npm ci --loglevel=error </dev/null >&2)
}

guest() {
  local target=wasm32-unknown-unknown
  # Any rustup toolchain that has the target will do; waxwing-plugin-build finds it.
  compgen -G "${RUSTUP_HOME:-$HOME/.rustup}/toolchains/*/lib/rustlib/$target/lib" >/dev/null && return
  # A compiler from elsewhere may have it too, or bring the source to build it from (Debian's does).
  local sysroot
  sysroot=$(/usr/bin/rustc --print sysroot 2>/dev/null) &&
    [ -d "$sysroot/lib/rustlib/src/rust/library" ] && command -v wasm-ld >/dev/null && return
  if command -v rustup >/dev/null; then
    echo "setup: adding rustup's target $target" >&2
    timeout 120 rustup target add "$target" </dev/null >/dev/null 2>&1 && return
    echo "setup: rustup cannot; taking Debian's packages" >&2
  fi
  missing+=(rustc-web cargo-web rust-web-src lld)
}

for group in "$@"; do
  case $group in
    build)
      command -v cargo >/dev/null || { echo "setup: Rust is missing: see https://rustup.rs" >&2; exit 69; }
      need gcc cc
      need libc6-dev /usr/include/stdlib.h
      ;;
    guest) guest ;;
    languages)
      need nodejs node
      need npm npm
      need python3 python3
      python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
      ;;
    web)
      need nodejs node
      need npm npm
      ;;
    browser) need chromium "${CHROMIUM:-/usr/bin/chromium}" ;;
    run) need curl curl ;;
    python) need python3 python3 ;;
    test)
      need postgresql "/usr/lib/postgresql/*/bin/postgres"
      need swaks swaks
      need isync mbsync
      need curl curl
      need openssl openssl
      need pebble pebble
      need python3 python3
      ;;
    clients)
      need getmail6 getmail
      need fetchmail fetchmail
      need offlineimap3 offlineimap
      need neomutt neomutt
      need s-nail s-nail
      need thunderbird thunderbird
      need nodejs node
      need npm npm
      need dovecot-imapd /usr/lib/dovecot/imap
      install_missing
      npm_package ImapFlow tests/clients/imapflow
      ;;
    peers)
      need postfix /usr/lib/postfix/sbin/master
      # What Exim is linked with.
      need libidn12 "/usr/lib/*/libidn.so.12"
      need libgnutls-dane0 "/usr/lib/*/libgnutls-dane.so.0"
      need libdb5.3 "/usr/lib/*/libdb-5.3.so"
      install_missing
      exim
      ;;
    bench)
      need postfix /usr/sbin/smtp-source
      need dovecot-lmtpd /usr/lib/dovecot/lmtp
      need dovecot-imapd /usr/lib/dovecot/imap
      need dovecot-pop3d /usr/lib/dovecot/pop3
      need libmilter-dev /usr/include/libmilter/mfapi.h
      need python3 python3
      need nodejs node
      need npm npm
      install_missing
      cyrus
      npm_package Haraka bench/haraka
      ;;
    *)
      echo "setup: unknown group $group" >&2
      exit 64
      ;;
  esac
done
install_missing
