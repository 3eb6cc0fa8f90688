#!/bin/sh
# Compares `bake fmt` with an installed `terraform fmt` over trees of files (*.hcl, *.tf, *.tfvars), or over single files:
#
#   testdata/fmt/compare.sh DIRECTORY...
#
# Shows the difference of each file that both accept and do not agree on; files that only one accepts are counted. Exits
# with 1 if there was a difference. BAKE names the program, else it is looked for in PATH.
set -eu
bake=${BAKE:-bake}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: > "$work/empty"
export TF_CLI_CONFIG_FILE="$work/empty" TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1
find "$@" -type f \( -name '*.hcl' -o -name '*.tf' -o -name '*.tfvars' \) | sort > "$work/files"
same=0 differ=0 ours=0 theirs=0 neither=0
while IFS= read -r file; do
    ok=''
    "$bake" fmt - < "$file" > "$work/bake" 2> /dev/null && ok=b
    terraform fmt - < "$file" > "$work/terraform" 2> /dev/null && ok=${ok}t
    case $ok in
        bt)
            if diff -u --label "terraform $file" --label "bake $file" "$work/terraform" "$work/bake"; then
                same=$((same + 1))
            else
                differ=$((differ + 1))
            fi
            ;;
        b) ours=$((ours + 1)) ;;
        t) theirs=$((theirs + 1)); echo "only terraform reads $file" ;;
        *) neither=$((neither + 1)) ;;
    esac
done < "$work/files"
echo "$same the same, $differ differ; read by bake alone: $ours, by terraform alone: $theirs, by neither: $neither"
[ "$differ" = 0 ]
