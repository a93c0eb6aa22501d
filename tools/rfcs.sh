#!/usr/bin/env bash
# Which RFCs the source cites and where: for keeping host/RFCS.md true.
#   tools/rfcs.sh            NUMBER  citations  crates, for each RFC cited
#   tools/rfcs.sh --check    what is cited but not in host/RFCS.md, and what is there but never cited; exit 1 if any
set -euo pipefail
cd "$(dirname "$0")/.."

citations() { # NUMBER FOLDER, one line a citation
  grep -rnoE --include='*.rs' --include='*.wit' 'RFC [0-9]{3,5}' host plugin-sdk plugins |
    sed -nE 's/^([^:]*):[0-9]+:RFC 0*([0-9]+)$/\2 \1/p' |
    sed -E 's#host/crates/([a-z0-9]+)/.*#\1#; s#host/src/.*#host#; s#plugin-sdk/.*#plugin-sdk#; s#plugins/([a-z0-9-]+)/.*#\1 (plugin)#'
}

if [ "${1:-}" = --check ]; then
  difference=$(diff <(citations | cut -d' ' -f1 | sort -nu) <(sed -nE 's/^\| ([0-9]+) \|.*/\1/p' host/RFCS.md | sort -nu)) || {
    sed -nE 's/^< /cited, but not in host\/RFCS.md: RFC /p; s/^> /in host\/RFCS.md, but never cited: RFC /p' <<<"$difference" >&2
    exit 1
  }
else
  citations | sort -n | uniq -c | awk '{ n[$2] += $1; $1 = $1; where = $3 ($4 ? " " $4 : ""); at[$2] = at[$2] (at[$2] ? ", " : "") where }
    END { for (rfc in n) printf "%6d %5d  %s\n", rfc, n[rfc], at[rfc] }' | sort -n
fi
