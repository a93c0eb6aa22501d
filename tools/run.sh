#!/usr/bin/env bash
# Sets up, builds and runs a development server (config/dev.toml) with a demo domain, in the foreground until Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."
waxwing=${CARGO_TARGET_DIR:-target}/release/waxwing
config=config/dev.toml
domain=waxwing.test
password=waxwing-demo # for development only: the server listens on the loopback

tools/setup.sh build web guest run
tools/web.sh
cargo build --release -p waxwing </dev/null
cargo run --quiet -p waxwing-plugin-build </dev/null

administer() { "$waxwing" --config "$config" "$@"; }

administer domain list | grep -qw "$domain" || administer domain add "$domain"
accounts=$(administer account list)
for name in alice bob; do
  grep -qw "$name@$domain" <<<"$accounts" || administer account add "$name@$domain" --password-stdin <<<"$password"
done
# RFC 5321 §4.5.1: mail for the postmaster of a domain is accepted always.
administer alias list | grep -qw "postmaster@$domain" || administer alias add "postmaster@$domain" "alice@$domain"

"$waxwing" serve --config "$config" </dev/null &
server=$!
# Ctrl-C reaches the server, too, which ends running transactions first; wait for it.
trap 'kill -TERM "$server" 2>/dev/null || true' INT TERM

ready() {
  local status
  exec 3<>/dev/tcp/127.0.0.1/2090 || return 1
  printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3
  read -r status <&3 || status=
  exec 3>&-
  [[ $status == *" 200 "* ]]
}
until { ready; } 2>/dev/null; do
  kill -0 "$server" 2>/dev/null || { wait "$server"; exit; }
  sleep 0.1
done

cat <<EOF

Waxwing is ready for $domain: alice@$domain and bob@$domain, password $password. On 127.0.0.1:

  SMTP 2525, behind a proxy 2526    submission 2587, TLS 2465    LMTP 2424    IMAP 2143, TLS 2993    POP3 2110, TLS 2995    HTTP 2080, TLS 2443    metrics 2090

Send a first mail:
  printf 'From: me@example.org\r\nTo: alice@$domain\r\nSubject: Hello\r\n\r\nIt works.\r\n' |
    curl --url smtp://127.0.0.1:2525 --mail-from me@example.org --mail-rcpt alice@$domain -T -
Read it:
  curl --user alice@$domain:$password 'imap://127.0.0.1:2143/INBOX;MAILINDEX=*'
Or in a browser, as alice@$domain:
  http://127.0.0.1:2080/mail/
See how it was judged, by the queue id of its Received field:
  $waxwing --config $config trace QUEUE-ID

Edit while it runs; the next message is judged by what you saved:
  rules    config/rules/*.toml      scores, thresholds, order, settings    config/policy.toml
  plugins  plugins/*/src/logic.rs, then: make plugins
See what is in force:
  $waxwing --config $config plugin list

Ctrl-C stops the server. Mail stays in data/.

EOF

# `wait` returns early when a signal comes; the server's own end counts.
status=0
while kill -0 "$server" 2>/dev/null; do wait "$server" && status=0 || status=$?; done
wait "$server" 2>/dev/null && status=0 || status=$?
[ "$status" -lt 128 ] || status=0
exit "$status"
