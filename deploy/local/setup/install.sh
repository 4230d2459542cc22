#!/usr/bin/env bash
# Makes .tools/bin/uv and .venv from the hash-pinned lock. Called by `make setup` before every task:
# when nothing changed it only compares one stamp. An interrupted run is simply run again.
set -euo pipefail
cd "$(dirname "$0")/../../.."

PYTHON=${PYTHON:-python3}
# Names an installation: when one of these files, or the Python, changes, it is brought up to date.
INPUTS=(requirements-tools.txt requirements-dev.txt requirements-contracts.txt deploy/local/setup/install.sh
    shared/*/pyproject.toml services/*/pyproject.toml deploy/*/pyproject.toml)
STAMP=.venv/.opside-installed

wanted() { { cat "${INPUTS[@]}"; echo "$PYTHON $PWD"; } | sha256sum | cut -d' ' -f1; }

stop() { echo "$1" >&2; exit 78; }

installed() { [ -x .venv/bin/python ] && [ "$(cat "$STAMP" 2>/dev/null)" = "$(wanted)" ]; }

check_machine() {
    command -v "$PYTHON" >/dev/null 2>&1 ||
        stop "PYTHON: $PYTHON is not there; mend: install Python 3.11 or later, or make PYTHON=/path/to/python3 ..."
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        stop "PYTHON: $PYTHON is not a working Python 3.11 or later; mend: make PYTHON=/path/to/python3.11 (or later) ..."
    [ -x .tools/bin/uv ] || "$PYTHON" -m pip --version >/dev/null 2>&1 ||
        stop "PYTHON: $PYTHON has no pip; mend: install python3-pip"
}

install_uv() {
    # A stamp of its own: .tools appears whole, by one rename, or not at all.
    if [ -x .tools/bin/uv ] && cmp -s requirements-tools.txt .tools/requirements; then return; fi
    rm -rf .tools.new
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps \
        --require-hashes --only-binary :all: --target .tools.new -r requirements-tools.txt
    cp requirements-tools.txt .tools.new/requirements
    rm -rf .tools
    mv .tools.new .tools
}

# A machine that gets its packages from a mirror has told pip so; uv does not read that.
follow_pip() {
    [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ] || return 0
    local index
    index=${PIP_INDEX_URL:-$("$PYTHON" -m pip config get global.index-url 2>/dev/null || true)}
    if [ -n "$index" ]; then export UV_DEFAULT_INDEX=$index; fi
}

# Which Python it is and, for one inside a venv, where that venv stands.
identity() {
    "$1" -c 'import os, sys; p = os.path.realpath
print(p(sys.base_prefix), sys.version_info[:3], *([sys.prefix] if sys.argv[1:] else []))' \
        ${2:+venv} 2>/dev/null || true
}

install_packages() {
    local uv=.tools/bin/uv python=.venv/bin/python package
    rm -f "$STAMP"
    # Another Python than asked for, a folder that moved, a venv cut off half-way: make it anew.
    if [ "$(identity "$python" venv)" != "$(identity "$PYTHON") $PWD/.venv" ]; then
        "$uv" venv --quiet --clear --python "$(command -v "$PYTHON")" .venv
    fi
    "$uv" pip sync --quiet --python "$python" --require-hashes requirements-dev.txt \
        requirements-contracts.txt
    local editable=()
    for package in shared/chassis shared/contracts services/main-api services/integrations-backend \
        services/stripe-payments deploy/local deploy/sandbox; do
        editable+=(-e "$package")
    done
    "$uv" pip install --quiet --python "$python" --no-deps --no-build-isolation "${editable[@]}"
    wanted >"$STAMP"
}

if installed; then exit 0; fi
check_machine
export UV_SYSTEM_CERTS=1 UV_PYTHON_DOWNLOADS=never
# Two terminals at once: the second waits and then finds everything done.
mkdir -p .local
exec 9>.local/setup.lock
if command -v flock >/dev/null 2>&1; then flock 9; fi
if ! installed; then
    echo "setting up: tools and packages from the lock (once)" >&2
    install_uv
    follow_pip
    install_packages
fi
