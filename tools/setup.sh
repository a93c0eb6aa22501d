#!/usr/bin/env bash
# Installs what a fresh machine lacks, group by group; a second run costs a fraction of a second.
#   tools/setup.sh guest     a toolchain for WebAssembly guests (rustup's target, else Debian's packages)
#   tools/setup.sh test      what `make test` drives: PostgreSQL, swaks, mbsync, curl, Python
#   tools/setup.sh bench     what `make bench` compares with: Postfix, smtp-source, Dovecot
set -euo pipefail

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

updated=
install() { # packages...: only those that are missing
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  command -v apt-get >/dev/null || { echo "setup: please install: ${missing[*]}" >&2; exit 69; }
  echo "setup: installing ${missing[*]}" >&2
  [ -n "$updated" ] || as_root apt-get update -qq
  updated=yes
  # Servers installed for tests are started by the tests on their own ports, never by the package.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee /usr/sbin/policy-rc.d >/dev/null
    as_root chmod +x /usr/sbin/policy-rc.d
    trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

guest() {
  # Any rustup toolchain that already has the target will do.
  if command -v rustup >/dev/null && rustup target list --installed 2>/dev/null | grep -qx wasm32-unknown-unknown; then return; fi
  if [ -x /usr/bin/rustc ] && [ -x /usr/bin/cargo ] && [ -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library" ] && command -v wasm-ld >/dev/null; then return; fi
  if command -v rustup >/dev/null && timeout 60 rustup target add wasm32-unknown-unknown 2>/dev/null; then return; fi
  install rustc-web cargo-web rust-web-src lld
}

for group in "$@"; do
  case $group in
    guest) guest ;;
    test) install postgresql swaks isync curl python3 openssl ;;
    bench) install postfix dovecot-imapd dovecot-pop3d dovecot-lmtpd ;;
    *) echo "setup: unknown group $group" >&2; exit 64 ;;
  esac
done
