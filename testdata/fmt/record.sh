#!/bin/sh
# Records what `terraform fmt` makes of each case of *.in, in *.out beside it, for the tests of src/lang/fmt to compare with.
#
# A case begins with a line `=== NAME`. Needs terraform 1.11 (it works offline). A case that Terraform refuses has the line
# `(error)`.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: > "$work/empty"
export TF_CLI_CONFIG_FILE="$work/empty" TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1
for list in *.in; do
    rm -f "$work"/case-*
    awk -v work="$work" '
        /^=== / { count++; file = sprintf("%s/case-%04d", work, count); print > (file ".name"); printf "" > (file ".text"); next }
        { print > (file ".text") }' "$list"
    for name in "$work"/case-*.name; do
        cat "$name"
        terraform fmt - < "${name%.name}.text" 2> /dev/null || echo '(error)'
    done > "${list%.in}.out"
done
