#!/usr/bin/env bash
# Set up what failstatic needs: Debian or Ubuntu packages, then a virtual environment that sees
# the distribution's Mininet. Idempotent; a second run only looks (about 0.1 s).
#
#   VENV      where the virtual environment goes   (.venv)
#   PYTHON    the interpreter                      (that of VENV when there is one, else /usr/bin/python3,
#                                                   for which Debian installs Mininet)
#   EXTRAS    1: what is optional as well          (say only how to get it)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VENV=${VENV:-.venv}
PYTHON=${PYTHON:-}
OPTIONAL=(frr etcd-server)  # routing daemons for the policy shadow; the store of standby's election
PACKAGES=(mininet openvswitch-switch iperf3 iproute2 ethtool iputils-ping python3-venv)
[ "${EXTRAS:-}" != 1 ] || PACKAGES+=("${OPTIONAL[@]}")

say() { printf '\033[2m· %s\033[0m\n' "$*" >&2; }
die() { printf 'failstatic: %s\n' "$*" >&2; exit 4; }

missing_of() {
  command -v dpkg-query >/dev/null || die "this set-up needs Debian or Ubuntu (dpkg); elsewhere use the Vagrantfile"
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done
}

install_packages() {
  local missing sudo=()
  mapfile -t missing < <(missing_of "${PACKAGES[@]}")
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
      sudo=(sudo)
    else
      die "missing packages: ${missing[*]}; ask an administrator for: sudo apt-get install ${missing[*]}"
    fi
  fi
  say "installing ${missing[*]}"
  local apt=("${sudo[@]+"${sudo[@]}"}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1 || {
    "${apt[@]}" update >/dev/null || die "apt-get update failed: no package index, so no ${missing[*]}"
    "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null || die "apt-get could not install ${missing[*]}"
  }
}

# What some policies need; without it they are skipped by name.
suggest_optional() {
  local absent
  mapfile -t absent < <(missing_of "${OPTIONAL[@]}")
  [ ${#absent[@]} -eq 0 ] || say "optional: ${absent[*]} (make setup EXTRAS=1; failstatic doctor says what for)"
}

# Version and home of an interpreter; of a virtual environment's, those of what it was made with.
interpreter() {
  "$1" -I -S -c 'import sys; print("Python %d.%d of %s" % (*sys.version_info[:2], sys.base_prefix))' 2>/dev/null
}

# Why the environment cannot stay; nothing when it can. An upgrade of the system may take its interpreter away.
misfit() {
  local have wanted
  have=$(interpreter "$VENV/bin/python") || { echo "its interpreter does not start"; return; }
  [ -x "$VENV/bin/pip" ] && [ -d "$VENV/lib/python$(cut -d' ' -f2 <<<"$have")" ] || { echo "it is not whole"; return; }
  [ -n "$PYTHON" ] || return 0
  wanted=$(interpreter "$PYTHON") || die "PYTHON=$PYTHON does not start"
  [ "$have" = "$wanted" ] || echo "it has $have, PYTHON is $wanted"
}

make_venv() {
  local stamp=$VENV/.ready wanted why=
  [ ! -e "$VENV" ] || rmdir "$VENV" 2>/dev/null || why=$(misfit)  # an empty folder is as good as none
  wanted=$(cat pyproject.toml constraints.txt scripts/setup.sh | sha256sum)
  [ -z "$why" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && [ -x "$VENV/bin/failstatic" ] && return 0
  if [ -n "$why" ]; then
    [ -e "$VENV/pyvenv.cfg" ] || die "$VENV is no virtual environment; will not replace it"
    say "$VENV is made anew: $why"
    rm -rf "$VENV"
  fi
  [ -e "$VENV" ] || {
    say "virtual environment in $VENV"
    "${PYTHON:-/usr/bin/python3}" -m venv --system-site-packages "$VENV"
  }
  local pip=("$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt)
  # Ryu 4.34 builds only with an old setuptools, and only if it is not isolated from it.
  say "Python packages (about a minute)"
  "${pip[@]}" --ignore-installed setuptools wheel pbr
  "${pip[@]}" --no-build-isolation ryu
  "${pip[@]}" --no-build-isolation --editable '.[dev]'
  suggest_optional
  echo "$wanted" > "$stamp"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then  # a test reads the functions only
  install_packages
  make_venv
fi
