#!/bin/sh
# Compiles the requirement lists from what is asked for (*.in, pyproject.toml): every package with its version and
# hashes, for each supported Python and platform. Pass --upgrade to take newer versions of what the lists do not pin.
set -eu
cd "$(dirname "$0")/.."
compile() {
    target=$1
    shift
    "${UV:-.venv/bin/uv}" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url \
        --custom-compile-command 'make lock' $upgrade --output-file "$target" "$@"
    echo "$target"
}
upgrade=${1-}
packages='packages/local-azure/pyproject.toml packages/doctor/pyproject.toml'
template=tools/template/files/requirements-dev
az=packages/local-azure/local_azure/azure_cli/requirements

# Resolved together first, so that all lists but the Azure CLI's, which has an environment of its own, agree.
together=$(mktemp)
trap 'rm -f "$together"' EXIT
# The names of packages hold no space: they are split into words.
# shellcheck disable=SC2086
compile "$together" requirements.in requirements-local.in requirements-dev.in policy/requirements.in \
    sample/requirements.in tools/requirements-uv.in $template.in $packages
compile tools/requirements-uv.txt tools/requirements-uv.in --constraint "$together"
compile requirements.txt requirements.in --constraint "$together"
# shellcheck disable=SC2086
compile requirements-local.txt requirements-local.in policy/requirements.in $packages --constraint "$together"
compile sample/requirements.txt sample/requirements.in --constraint "$together"
compile requirements-dev.txt requirements-dev.in --constraint "$together"
compile $template.txt $template.in --constraint "$together"
compile $az.txt $az.in
