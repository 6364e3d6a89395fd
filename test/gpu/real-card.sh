#!/bin/sh
# On a machine with an NVIDIA card: does the agent tell what nvidia-smi tells, and take it along when it is killed?
# Needs node, nvidia-smi and dist/gaugeway-agent.js (node exporter-agent/build.js). Exit 1 says what is wrong.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
agent=${1:-$root/dist/gaugeway-agent.js}
smi=$(command -v nvidia-smi || echo /usr/local/nvidia/bin/nvidia-smi)
work=$(mktemp -d)
pid=
trap 'test -z "$pid" || kill -9 "$pid" 2>/dev/null; rm -rf "$work"' EXIT
fail() { echo "FAILS $*"; exit 1; }

export GAUGEWAY_AGENT_URL=http://127.0.0.1:9 GAUGEWAY_AGENT_KEY=none GAUGEWAY_AGENT_STATE_DIR="$work" \
  GAUGEWAY_AGENT_GPU=on GAUGEWAY_AGENT_NVIDIA_SMI="$smi" GAUGEWAY_AGENT_INTERVAL_SECONDS=1

"$smi" --query-gpu=uuid,memory.total --format=csv,noheader,nounits >"$work/cards" || fail "$smi does not work"
node "$agent" once >"$work/once" || fail 'once'
grep '^gpu_\|^proc_top_gpu' "$work/once"
while IFS=', ' read -r uuid total; do
  grep -q "^gpu_memory_total_mb{.*uuid=\"$uuid\".*} $total\$" "$work/once" || fail "no $total MiB of $uuid"
done <"$work/cards"
echo "ok    once tells every card"

# The tools of this agent alone: the children of its children.
tools() { for shell in $(cat "/proc/$pid/task/$pid/children"); do cat "/proc/$shell/task/$shell/children"; done; }
node --jitless --max-semi-space-size=1 "$agent" run 2>"$work/log" &
pid=$!
sleep 15
running=$(tools)
[ "$(echo "$running" | wc -w)" = 2 ] || fail "not two tools but '$running'"
grep '^VmRSS' "/proc/$pid/status"
for tool in $running; do echo "tool $tool: $(grep '^VmRSS' "/proc/$tool/status"), CPU ticks $(cut -d' ' -f14,15 "/proc/$tool/stat")"; done
kill -9 "$pid"
pid=
sleep 3
for tool in $running; do [ ! -e "/proc/$tool" ] || fail "tool $tool outlives the agent"; done
echo "ok    kill -9 of the agent ends its tools"
