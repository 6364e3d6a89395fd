#!/bin/sh
# Installs, upgrades or removes the Gaugeway agent on this host:
#   curl -fsSL SERVER/install.sh | sh -s -- --token enr_...
# Running it again is the upgrade. It needs sh, curl or wget, sha256sum, and nobody but the server.
#
# Everything is a function and the last line calls them: a download that was cut short does nothing.
set -eu

# Filled in by the server that hands this script out.
server_url=''

unit=gaugeway-agent.service

usage() {
  cat <<'END'
usage: install.sh [options]

  --token T           enrolment token; not needed where this host is enrolled already
  --token-file FILE   the same, from a file
  --url URL           the server, where the script does not know it
  --ca-file FILE      certificate authority of the server (PEM)
  --insecure-http     allow http:// to another machine: key and figures travel in the clear
  --host-id ID        name of this host, where the server's is not wanted
  --profile NAME      lean, core or full
  --node PATH|server  the Node to run with; `server` takes the server's own
  --no-service        install and enrol, make no service
  --root DIR          only put the files below DIR, for an image: nothing is enrolled or started
  --dry-run           say what would be done
  --uninstall         remove program and service; configuration, key and buffer stay
  --purge             with --uninstall: remove those too
END
}

say() { printf '%s\n' "$*"; }
warn() { printf 'gaugeway-agent: %s\n' "$*" >&2; }
die() {
  warn "$*"
  exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

parse_options() {
  url='' token='' token_file='' ca_file='' host_id='' profile='' node_wanted='' root=''
  insecure=false service=true dry_run=false uninstall=false purge=false
  while [ $# -gt 0 ]; do
    case $1 in
      --token | --token-file | --url | --ca-file | --host-id | --profile | --node | --root)
        [ $# -ge 2 ] || die "$1 wants a value"
        take_value "$1" "$2"
        shift
        ;;
      --*=*) take_value "${1%%=*}" "${1#*=}" ;;
      --insecure-http) insecure=true ;;
      --no-service) service=false ;;
      --dry-run) dry_run=true ;;
      --uninstall) uninstall=true ;;
      --purge) purge=true ;;
      -h | --help)
        usage
        exit 0
        ;;
      *) die "unknown option $1; --help lists them" ;;
    esac
    shift
  done
  if $purge && ! $uninstall; then die '--purge goes with --uninstall'; fi
}

take_value() {
  [ -n "$2" ] || die "$1 wants a value"
  case $1 in
    --token) token=$2 ;;
    --token-file) token_file=$2 ;;
    --url) url=$2 ;;
    --ca-file) ca_file=$2 ;;
    --host-id) host_id=$2 ;;
    --profile) profile=$2 ;;
    --node) node_wanted=$2 ;;
    --root) root=${2%/} ;;
    *) die "unknown option $1; --help lists them" ;;
  esac
}

# Where everything lies, as programs of the host see it; below $root while an image is made.
set_places() {
  program=/opt/gaugeway-agent
  command=/usr/local/bin/gaugeway-agent
  settings=/etc/gaugeway-agent
  state=/var/lib/gaugeway-agent
  # Where systemd keeps the state of a service whose user exists only while it runs.
  private_state=/var/lib/private/gaugeway-agent
  units=/etc/systemd/system
  env_file=$settings/agent.env
}

require_host() {
  [ -n "$root" ] || [ "$(id -u)" = 0 ] || die 'this needs root: ... | sudo sh -s -- ...'
  case $(uname -s) in
    Linux) ;;
    Darwin) die "for macOS see exporter-agent/README.md, \"macOS\"" ;;
    *) die "there is no agent for $(uname -s)" ;;
  esac
  # What is made below is for all to read unless it says otherwise.
  umask 022
}

has_systemd() { [ -z "$root" ] && [ -d /run/systemd/system ] && has systemctl; }

# ── settings ───────────────────────────────────────────────────────────────────────────────────────────────

# Value of option NAME as set by an earlier run, or by hand.
setting() {
  [ -f "$root$env_file" ] || return 0
  while IFS= read -r line; do
    case $line in "$1="*) printf '%s\n' "${line#*=}" ;; esac
  done <"$root$env_file"
}

# systemd and sh both read the file, and quote differently: only what needs no quotes goes in.
set_option() {
  case $2 in
    http://\[*\]* | https://\[*\]*) ;;
    *[!A-Za-z0-9._:/@%+,=~-]*) die "\"$2\" has a character that $1 cannot have" ;;
  esac
  grep -v "^$1=" "$stage/agent.env" >"$stage/agent.env.new" || :
  printf '%s=%s\n' "$1" "$2" >>"$stage/agent.env.new"
  mv -f "$stage/agent.env.new" "$stage/agent.env"
}

choose_server() {
  [ -n "$url" ] || url=$server_url
  [ -n "$url" ] || url=$(setting GAUGEWAY_AGENT_URL)
  [ -n "$url" ] || die '--url is needed: the address of the server'
  url=${url%/}
  if [ -z "$ca_file" ]; then
    ca_file=$(setting GAUGEWAY_AGENT_CA_FILE)
    [ -z "$ca_file" ] || ca_file=$root$ca_file
  fi
  [ -z "$ca_file" ] || [ -r "$ca_file" ] || die "$ca_file cannot be read"
  [ "$(setting GAUGEWAY_AGENT_INSECURE_HTTP)" != true ] || insecure=true
  case $url in
    https://* | http://127.* | http://localhost | http://localhost:* | http://\[::1\]*) ;;
    http://*)
      $insecure || die "$url has no TLS: the host's key and figures would travel in the clear. Use https://, or say --insecure-http"
      ;;
    *) die "--url wants https://..., not $url" ;;
  esac
}

stage_settings() {
  if [ -f "$root$env_file" ]; then
    cp "$root$env_file" "$stage/agent.env"
  else
    cat >"$stage/agent.env" <<'END'
# Read by gaugeway-agent.service and by the command gaugeway-agent. Every option of the agent may stand here as
# GAUGEWAY_AGENT_NAME=value, without quotes; install.sh changes the ones it was given and keeps the others.
END
  fi
  set_option GAUGEWAY_AGENT_URL "$url"
  if [ -n "$ca_file" ] && [ "$ca_file" != "$root$settings/ca.pem" ]; then
    cp "$ca_file" "$stage/ca.pem"
    chmod 0644 "$stage/ca.pem"
    set_option GAUGEWAY_AGENT_CA_FILE "$settings/ca.pem"
    placed="$placed ca.pem"
  fi
  [ -z "$host_id" ] || set_option GAUGEWAY_AGENT_HOST_ID "$host_id"
  [ -z "$profile" ] || set_option GAUGEWAY_AGENT_PROFILE "$profile"
  ! $insecure || set_option GAUGEWAY_AGENT_INSECURE_HTTP true
  # A key may stand there as well.
  chmod 0600 "$stage/agent.env"
}

# ── download ───────────────────────────────────────────────────────────────────────────────────────────────

download() {
  if has curl; then
    curl -fsSL ${ca_file:+--cacert "$ca_file"} -o "$2" "$url$1" </dev/null
  else
    wget -q ${ca_file:+--ca-certificate="$ca_file"} -O "$2" "$url$1" </dev/null
  fi
}

# fetch PATH FILE: a server that hands out to many hosts at once asks to come again.
fetch() {
  tries=1
  until download "$1" "$2"; do
    [ "$tries" -lt 4 ] || die "$url$1 cannot be fetched"
    sleep "$tries"
    tries=$((tries + 1))
  done
}

checksum_of() {
  found=$(sha256sum <"$1")
  printf '%s\n' "${found%% *}"
}

# The checksum that the server gives for NAME.
expected_sum() {
  while read -r sum name; do
    if [ "$name" = "$1" ]; then
      printf '%s\n' "$sum"
      return
    fi
  done <"$stage/SHA256SUMS"
}

require_sum() {
  [ "$(checksum_of "$1")" = "$(expected_sum "$2")" ] ||
    die "$2 is not what the server announced. Was the server upgraded just now? Then run this again; nothing was changed"
}

fetch_checked() {
  fetch "/install/$1" "$stage/$1"
  require_sum "$stage/$1" "$1"
}

# ── Node ───────────────────────────────────────────────────────────────────────────────────────────────────

is_new_enough() {
  version=$("$1" --version 2>/dev/null) || return 1
  case $version in v[0-9]*.[0-9]*.*) ;; *) return 1 ;; esac
  version=${version#v}
  major=${version%%.*}
  rest=${version#*.}
  [ "$major" -gt 20 ] || { [ "$major" -eq 20 ] && [ "${rest%%.*}" -ge 19 ]; }
}

# Sets $node to the host's own Node, or to nothing.
find_node() {
  node=''
  case $node_wanted in
    server) return ;;
    '') set -- "$(command -v node || :)" /usr/bin/node /usr/local/bin/node ;;
    *)
      is_new_enough "$node_wanted" || die "$node_wanted is no Node 20.19 or newer"
      node=$node_wanted
      return
      ;;
  esac
  for candidate in "$@"; do
    # The service's user cannot reach into homes, where version managers put theirs.
    case $candidate in '' | /root/* | /home/* | "$program"/*) continue ;; esac
    if is_new_enough "$candidate"; then
      node=$candidate
      return
    fi
  done
}

architecture() {
  case $(uname -m) in
    x86_64 | amd64) say x64 ;;
    aarch64 | arm64) say arm64 ;;
    armv7l) say arm ;;
    *) uname -m ;;
  esac
}

# "glibc 2.36", "musl", or nothing where neither is known.
libc() {
  if found=$(getconf GNU_LIBC_VERSION 2>/dev/null); then
    say "$found"
  elif ldd --version 2>&1 | grep -q musl; then
    say musl
  fi
}

ways_out='Ways out: install Node 20.19 or newer with the packages of this system; or name one with --node PATH; or run the agent in a container (exporter-agent/README.md)'

# The server's own Node, into the stage.
fetch_node() {
  kind="node-linux-$(architecture)-"
  offered='' runtime=''
  while read -r _ name; do
    case $name in
      "$kind"*) runtime=$name ;;
      node-*) offered=$name ;;
    esac
  done <"$stage/SHA256SUMS"
  if [ -z "$runtime" ] && keep_node; then return; fi
  [ -n "$runtime" ] || die "this host has no Node 20.19 or newer, and the server's (${offered:-none that others can use}) is not for its processor. $ways_out"
  require_libc "${runtime#"$kind"}"
  if [ ! -L "$root$program/node" ] && [ -f "$root$program/node" ] &&
    [ "$(checksum_of "$root$program/node")" = "$(expected_sum "$runtime")" ]; then
    keep_node
    return
  fi
  has gzip || die "gzip is needed to unpack the server's Node"
  say "fetching Node from the server ..."
  fetch "/install/$runtime.gz" "$stage/node.gz"
  gzip -dc <"$stage/node.gz" >"$stage/node" || die 'what the server sent as Node cannot be unpacked'
  rm -f "$stage/node.gz"
  require_sum "$stage/node" "$runtime"
  chmod 0755 "$stage/node"
  if [ -z "$root" ] && ! is_new_enough "$stage/node"; then
    "$stage/node" --version || :
    die "the server's Node does not run here; the line above says why. $ways_out"
  fi
}

# The one that an earlier run fetched.
keep_node() {
  [ ! -L "$root$program/node" ] && [ -f "$root$program/node" ] && cp -p "$root$program/node" "$stage/node"
}

# require_libc glibc2.28: this host's is of the kind, and not older.
require_libc() {
  [ -z "$root" ] || return 0
  here=$(libc)
  case $1:$here in
    musl:musl | *:'') return ;;
    glibc*:"glibc "*)
      need=${1#glibc}
      have=${here#glibc }
      if [ "${have%%.*}" -gt "${need%%.*}" ]; then return; fi
      if [ "${have%%.*}" -eq "${need%%.*}" ] && [ "${have#*.}" -ge "${need#*.}" ]; then return; fi
      ;;
  esac
  die "this host has no Node 20.19 or newer, and the server's needs $1 while this host has $here. $ways_out"
}

# ── install ────────────────────────────────────────────────────────────────────────────────────────────────

fetch_all() {
  fetch /install/SHA256SUMS "$stage/SHA256SUMS"
  fetch /install.sh "$stage/install.sh"
  fetch_checked gaugeway-agent.mjs
  fetch_checked gaugeway-agent.service
  fetch_checked gaugeway-agent-gpu.conf
  find_node
  if [ -n "$node" ]; then
    ln -s "$node" "$stage/node"
  else
    fetch_node
  fi
}

stage_command() {
  cat >"$stage/command" <<END
#!/bin/sh
# Written by install.sh: the agent with this host's options and the flags of its memory budget.
set -a
. $env_file
set +a
exec $program/node --jitless --max-semi-space-size=1 --no-node-snapshot --max-old-space-size=24 $program/gaugeway-agent.mjs "\$@"
END
  chmod 0755 "$stage/command"
}

# agent STATE WORDS...: the staged agent with this host's options.
agent() (
  set -a
  export GAUGEWAY_AGENT_STATE_DIR="$1"
  shift
  # shellcheck source=/dev/null
  . "$stage/agent.env"
  [ -z "$ca_file" ] || export GAUGEWAY_AGENT_CA_FILE="$ca_file"
  exec "$stage/node" --jitless --max-semi-space-size=1 --no-node-snapshot "$stage/gaugeway-agent.mjs" "$@" </dev/null
)

is_enrolled() { [ -s "$state/key" ] || [ -n "$(setting GAUGEWAY_AGENT_KEY)$(setting GAUGEWAY_AGENT_KEY_FILE)" ]; }

# The token goes by a file: the words of a running program can be read by everybody.
enrol() {
  if [ -n "$token_file" ]; then
    [ -r "$token_file" ] || die "$token_file cannot be read"
    cp "$token_file" "$stage/token"
  else
    printf '%s\n' "$token" >"$stage/token"
  fi
  # Into a folder of root's own and then moved: the state belongs to the service's user, who might have put links there.
  fresh_in=${state%/*}
  [ ! -d "$private_state" ] || fresh_in=${private_state%/*}
  mkdir -p "$fresh_in"
  fresh=$(mktemp -d "$fresh_in/.gaugeway-agent.XXXXXX")
  # Its name, and what tells it from others where it has no machine-id; links as links.
  for file in "$state/host-id" "$state/machine"; do
    if is_there "$file"; then cp -P "$file" "$fresh/"; fi
  done
  agent "$fresh" enroll --token-file "$stage/token" || die 'the server did not enrol this host; its reason is above'
  [ -d "$state" ] || mkdir -m 0700 "$state"
  for file in "$fresh"/*; do
    mv -f "$file" "$state/"
  done
  rmdir "$fresh"
  fresh=''
}

# A key that works is kept; with a token, one that does not is replaced.
enrol_where_needed() {
  [ -n "$token$token_file" ] || return 0
  if is_enrolled && agent "$state" check >/dev/null 2>&1; then return; fi
  enrol
}

# Files of root's in the state of a service that runs as another user would be closed to it.
own_state() {
  # shellcheck disable=SC2012 # stat(1) differs between systems, and the name is ours
  ls -nd "$state/." | {
    read -r _ _ uid gid _
    chown -Rh "$uid:$gid" "$state/."
  }
}

# Before anything is replaced: an agent that runs goes on as it was where the new one would not work.
check_staged() {
  if agent "$state" check >"$stage/check" 2>&1; then return; fi
  cat "$stage/check" >&2
  return 1
}

# Where a file of the stage belongs.
target_of() {
  case $1 in
    command) say "$root$command" ;;
    agent.env | ca.pem) say "$root$settings/$1" ;;
    gaugeway-agent.service) say "$root$units/$unit" ;;
    gaugeway-agent-gpu.conf) say "$root$units/$unit.d/gpu.conf" ;;
    *) say "$root$program/$1" ;;
  esac
}

# Also a link to nothing.
is_there() { [ -e "$1" ] || [ -L "$1" ]; }

# The old files wait in the stage until the service runs with the new ones.
put_in_place() {
  mkdir "$stage/old"
  for file in $placed; do
    target=$(target_of "$file")
    mkdir -p "${target%/*}"
    if is_there "$target"; then mv -f "$target" "$stage/old/$file"; fi
    mv -f "$stage/$file" "$target"
  done
}

# Whether every file of the stage is there already.
is_current() {
  for file in $placed; do
    target=$(target_of "$file")
    if [ -L "$stage/$file" ]; then
      [ "$(readlink "$stage/$file")" = "$(readlink "$target")" ] || return 1
    else
      [ ! -L "$target" ] && [ -f "$target" ] || return 1
      [ "$(checksum_of "$stage/$file")" = "$(checksum_of "$target")" ] || return 1
    fi
  done
}

restore() {
  for file in $placed; do
    target=$(target_of "$file")
    if is_there "$stage/old/$file"; then mv -f "$stage/old/$file" "$target"; else rm -f "$target"; fi
  done
}

place_units() {
  placed="$placed gaugeway-agent.service"
  if [ -e /dev/nvidiactl ] || [ -e /proc/driver/nvidia/version ]; then
    placed="$placed gaugeway-agent-gpu.conf"
  fi
}

start_service() {
  systemctl daemon-reload </dev/null
  systemctl enable --quiet "$unit" </dev/null
  systemctl restart "$unit" </dev/null && stays_up && return
  say "the service does not stay up:" >&2
  journalctl --unit "$unit" --lines 20 --no-pager >&2 </dev/null || :
  if ! is_there "$stage/old/gaugeway-agent.mjs"; then die 'the service does not stay up; the lines above say why'; fi
  restore
  systemctl daemon-reload </dev/null
  systemctl restart "$unit" </dev/null || :
  die 'the old agent is back: the new one does not stay up; the lines above say why'
}

# The start succeeds once the program runs; one that ends at once waits for its next start a moment later.
stays_up() {
  sleep 3
  systemctl is-active --quiet "$unit" </dev/null
}

cleanup() {
  [ -z "${stage:-}" ] || rm -rf "$stage"
  # Only where nothing was installed.
  rmdir "$root$program" 2>/dev/null || :
  [ -z "${fresh:-}" ] || rm -rf "$fresh"
}

announce() {
  say "server:   $url"
  say "program:  $root$program, command $root$command"
  say "settings: $root$env_file"
  say "state:    $root$state"
  if has_systemd && $service; then say "service:  $unit"; else say 'service:  none'; fi
}

# A host that nobody let in learns it before anything was changed.
require_token() {
  if [ -n "$root" ] || is_enrolled || [ -n "$token$token_file" ]; then return; fi
  die 'this host is not enrolled: --token is needed. An administrator gets one from POST /api/v1/agents/tokens'
}

install_agent() {
  has curl || has wget || die 'curl or wget is needed'
  has sha256sum || die 'sha256sum is needed (coreutils, busybox)'
  choose_server
  require_token
  announce
  if $dry_run; then
    find_node
    say "node:     ${node:-the server\'s, where it fits}"
    say 'dry run: nothing was done'
    return
  fi
  open_stage
  fetch_all
  stage_command
  stage_settings
  if [ -n "$root" ]; then
    place_units
    put_in_place
    say "the files are below $root; run install.sh with a token on the host itself"
    return
  fi
  enrol_where_needed
  check_staged || die 'the agent would not work here; the lines above say why. Nothing was replaced'
  own_state
  if has_systemd && $service; then
    place_units
    if is_current && systemctl is-active --quiet "$unit" </dev/null; then
      say 'the agent runs and is up to date'
      return
    fi
    put_in_place
    start_service
    say "the agent runs: systemctl status $unit"
  else
    put_in_place
    say 'the agent is installed. No service was made; this runs it until it is stopped:'
    say "  $command run"
  fi
}

open_stage() {
  stage='' fresh='' placed='gaugeway-agent.mjs node install.sh command agent.env'
  trap cleanup EXIT
  trap 'exit 1' HUP INT TERM
  mkdir -p "$root$program"
  # What an earlier run left that was killed.
  rm -rf "$root$program"/.new.*
  stage=$(mktemp -d "$root$program/.new.XXXXXX")
}

# ── uninstall ──────────────────────────────────────────────────────────────────────────────────────────────

uninstall_agent() {
  if $dry_run; then
    say "would remove $program, $command and $unit"
    ! $purge || say "would remove $settings and $state"
    return
  fi
  if has_systemd; then systemctl disable --now --quiet "$unit" </dev/null 2>&1 || :; fi
  rm -rf "$root$program" "$root${units:?}/$unit" "$root$units/$unit.d"
  if [ -f "$root$command" ] && grep -q 'Written by install.sh' "$root$command"; then rm -f "$root$command"; fi
  if has_systemd; then
    systemctl daemon-reload </dev/null
    systemctl reset-failed "$unit" </dev/null 2>/dev/null || :
  fi
  if $purge; then
    rm -rf "$root$settings" "$root$private_state" "$root$state"
    say 'removed, with configuration, key and buffer. The server still knows the host: revoke its key there'
  else
    say "removed. $settings and $state stay; --purge removes them"
  fi
}

main() {
  parse_options "$@"
  set_places
  require_host
  if $uninstall; then uninstall_agent; else install_agent; fi
}

# In braces, so that half of the line is no command either.
{ main "$@"; }
