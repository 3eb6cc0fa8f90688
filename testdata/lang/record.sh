#!/bin/sh
# Records what `terraform console` answers to each expression, for tests/lang.rs to compare with.
#
#   ./record.sh expressions.txt > answers.txt
#
# An expression is a line (empty lines and lines that begin with # are skipped), or `@NAME` for the text of heredocs/NAME,
# which is evaluated as the value of a local. Needs terraform 1.11 (it works offline); one console at a time.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
list=$here/${1:-expressions.txt}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: > "$work/empty"
export TF_CLI_CONFIG_FILE="$work/empty" TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1
cp -r "$here/files" "$work/files"
cd "$work"

ask() {
    if answer=$(printf '%s\n' "$1" | terraform console -no-color 2>/dev/null); then
        printf '%s\n' "$answer"
    else
        echo '(error)'
    fi
}

# Stands for the references of the expressions; `tests/lang.rs` has the same values.
cat "$here/module.tf" > main.tf
while IFS= read -r line || [ -n "$line" ]; do
    case $line in
        '' | '#'*) continue ;;
    esac
    printf '> %s\n' "$line"
    case $line in
        @*)
            printf 'locals {\n  tried = %s\n}\n' "$(cat "$here/heredocs/${line#@}")" > tried.tf
            ask 'local.tried'
            rm tried.tf
            ;;
        *) ask "$line" ;;
    esac
done < "$list"
