#!/usr/bin/env bash
# Makes the virtual environment $1 from requirements.lock, also on a machine whose Python lacks venv or pip.
set -euo pipefail
venv=$1
say() { printf '%s\n' "setup: $*" >&2; }

python=""
for candidate in python3.12 python3.11 python3.13 python3; do
  if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  say "Python 3.11 or newer is needed and was not found; install it (Debian: apt-get install python3 python3-venv)"
  exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo -n"
  say "this Python has no venv module; installing the Debian package python3-venv"
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
fi

say "virtual environment $venv with $("$python" --version)"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
[ -x "$venv/bin/uv" ] || "$venv/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
say "installing the locked dependencies"
VIRTUAL_ENV=$venv "$venv/bin/uv" pip install --quiet --require-hashes -r requirements.lock
VIRTUAL_ENV=$venv "$venv/bin/uv" pip install --quiet --no-deps --editable .
touch "$venv/.ready"
say "ready"
