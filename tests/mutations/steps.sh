#!/bin/sh
# Breaks each rule of the walk (src/plan/steps/rules.rs and steps.rs) in a copy of the sources and shows that the property test notices.
# Usage: tests/mutations/steps.sh            Exit code 1 if a break goes unnoticed.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r Cargo.toml Cargo.lock src "$work"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/mutations"
# New failures are not to be written down: the source is broken on purpose.
export PROPTEST_FAILURE_PERSISTENCE=off PROPTEST_MAX_SHRINK_ITERS=0 RUST_BACKTRACE=0

property() {
  (cd "$work" && cargo test --quiet --no-default-features --lib the_rules_hold_whatever_happens >"$work/out" 2>&1)
}

unnoticed=0
broken() { # NAME SED-SCRIPT
  cp -r src/plan "$work/src/"
  sed -i "$2" "$work/src/plan/steps.rs" "$work/src/plan/steps/rules.rs"
  if diff -rq src/plan "$work/src/plan" >/dev/null; then
    echo "$1: the break does not apply any more"; unnoticed=1; return
  fi
  if property; then
    echo "$1: NOT NOTICED"; unnoticed=1
  elif grep -q 'Test failed: ' "$work/out"; then
    echo "$1: noticed ($(sed -n 's/.*Test failed: //p' "$work/out" | head -1))"
  else
    echo "$1: it does not even compile"; cat "$work/out"; unnoticed=1
  fi
}

property || { cat "$work/out"; echo "the unbroken rules fail"; exit 1; }

# Rule 1: an open waits for what must be closed; a need that is lost skips; a stop means no more opens.
broken "an open does not wait for a close" 's/(Edge::Closed(_), Open::Done, Close::Done) => Prospect::Met/(Edge::Closed(_), Open::Done, _) => Prospect::Met/'
broken "a failed need does not skip" 's/(_, Open::Skipped | Open::Failed { .. }, _) => Prospect::Lost/(_, Open::Skipped | Open::Failed { .. }, _) => Prospect::Met/'
broken "a stop lets opens begin" 's/When::Needed | When::OnFailure if self.stopped/When::OnFailure if self.stopped/'
# Rule 2: a close waits for its users to settle, and to be closed.
broken "a close does not wait for running users" 's/opening(user) || standing(user)/standing(user)/'
broken "a close does not wait for the closes of its users" 's/opening(user) || standing(user)/opening(user)/'
# Rule 3: what an open left behind is closed.
broken "what a failed open left is not closed" 's/(Half::Open, Outcome::Stands) => state.open = Open::Failed { stands: true }/(Half::Open, Outcome::Stands) => state.open = Open::Failed { stands: false }/'
# Rule 4: what a stuck node stands on is left alone.
broken "a close runs under a stuck node" 's/if users().any(|user| user.close == Close::Stuck)/if false/'
# Parts: not kept unless they are whole.
broken "a part that is not whole is kept" 's/(Lifetime::Part, Open::Failed { .. }) => Some(true)/(Lifetime::Part, Open::Failed { .. }) => Some(false)/'
exit $unnoticed
