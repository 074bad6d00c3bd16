#!/usr/bin/env bash
# Secrets in the repository, known holes in what is installed, and a fuzzed server. Usage: security.sh TOOLS_BIN ARENA_BIN
set -euo pipefail
tools=$1 arena=$2
examples=${EXAMPLES:-40}
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

echo "== secrets"
cp tests/secrets.baseline "$work/known.json"
code=0
mapfile -d '' files < <(git ls-files -z -- ':!tests/secrets.baseline')
"$tools/detect-secrets-hook" --baseline "$work/known.json" "${files[@]}" || code=$?
# 3: what is known stands in another line now.
[ "$code" = 0 ] || [ "$code" = 3 ] || exit "$code"
echo "none that are not known to be no secrets"

echo "== known vulnerabilities of what is installed"
"$arena/pip" freeze --exclude-editable | sed 's/+cpu$//' >"$work/installed.txt"
code=0
timeout 300 "$tools/pip-audit" -r "$work/installed.txt" --no-deps --disable-pip --progress-spinner off >"$work/audit" 2>&1 || code=$?
if [ "$code" = 0 ] && ! grep -q "not found on PyPI" "$work/audit"; then
  echo "none known"
elif grep -qE "PYSEC|GHSA|CVE" "$work/audit"; then
  cat "$work/audit"
  exit 1
else
  # A mirror without the database is no proof of anything, in either direction.
  echo "the database of vulnerabilities could not be asked here:"
  tail -n 2 "$work/audit"
  [ -z "${FULL:-}" ] || exit 1
fi

echo "== the API against its own description"
for role in player trainer; do
  "$arena/forge-arena" serve --port 0 --store "sqlite:///$work/$role.db" --token "$role:a-token-for-fuzzing" \
    --log-level warning >"$work/$role.url" 2>"$work/$role.log" &
  for _ in $(seq 600); do grep -q "ready at" "$work/$role.url" && break; sleep 0.1; done
  url=$(sed -n 's/.*ready at //p' "$work/$role.url")
  SCHEMATHESIS_HOOKS=tests/schemathesis_hooks.py "$tools/schemathesis" --config-file tests/schemathesis.toml run "$url/openapi.json" \
    -H "Authorization: Bearer a-token-for-fuzzing" --max-examples "$examples" --seed 20261127 --continue-on-failure --no-color \
    --exclude-checks positive_data_acceptance,missing_required_header,ignored_auth >"$work/$role.fuzz" 2>&1 \
    || { cat "$work/$role.fuzz"; exit 1; }
  grep -E "Tested:|Test cases:|generated" "$work/$role.fuzz"
  if grep -E "Traceback|defect" "$work/$role.log"; then exit 1; fi
  echo "$role: no 5xx, nothing undocumented, no truth"
done
