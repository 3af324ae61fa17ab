#!/usr/bin/env bash
# Keeps the state of a tenant on a git branch of its own, so that every run starts from where the last one ended.
#
#   state.sh create    once, by a maintainer: creates the branch, with the local state if there is one
#   state.sh restore   copies the state here, to plan with
#   state.sh take      the same, and marks the tenant as taken: until `save` every other `take` is refused
#   state.sh save      pushes state and journal to the branch, and gives the tenant back
#
# If a state is lost, every conversation is created again. So the mark is on the branch before anything is sent, and only
# the run that took the tenant removes it, together with pushing the new state. A run that dies without saving leaves its
# mark, and nothing is applied until somebody has looked. Nothing is ever pushed by force.
#
# dixaform.yaml says where the state is in the checkout; the script asks dixaform, so that both always use the same file.
# If the state can't be saved, there is a copy in the folder dixaform-out/state, for the artifacts of the run.
#
#   DIXAFORM_TENANT        the tenant
#   DIXAFORM_STATE_BRANCH  the branch; dixaform-state
#   DIXAFORM_STATE_REMOTE  a remote or URL; origin
#   DIXAFORM_STATE_TOKEN   a token that may read, and for take and save write, the repository
#   DIXAFORM_LOCK_SECONDS  how long save waits for an apply that is still running; 20
#   DIXAFORM_RUN           who takes and saves; in CI, the URL of the run. To save by hand what a run could not save, set it
#                          to the name in the mark
set -euo pipefail

tenant=${DIXAFORM_TENANT:?the name of the tenant}
branch=${DIXAFORM_STATE_BRANCH:-dixaform-state}
kept=dixaform-out/state
# shellcheck source-path=SCRIPTDIR source=repository.sh
. "$(dirname "${BASH_SOURCE[0]}")/repository.sh"

[[ $tenant =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || fail "invalid tenant name: $tenant"

if [ -n "${DIXAFORM_RUN:-}" ]; then
  run=$DIXAFORM_RUN
elif [ -n "${GITHUB_RUN_ID:-}" ]; then
  run=$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID/attempts/$GITHUB_RUN_ATTEMPT
elif [ -n "${CI_JOB_URL:-}" ]; then
  run=$CI_JOB_URL
else
  run="by hand: $(id -un) on $(uname -n) in $PWD"
fi

there=$copy/$tenant
# Says that this checkout took the tenant and has not given it back.
taken=$(git rev-parse --git-path "dixaform-$tenant.taken")
# Says what state and journal were when they were last the same here and on the branch.
shared=$(git rev-parse --git-path "dixaform-$tenant.shared")

# Fetches the newest branch into $copy; returns 1 if there is no branch.
fetch() {
  fetch_branch "$url" "$branch" || return
  in_copy checkout --quiet --detach FETCH_HEAD || fail "git can't read the branch $branch"
}

must_fetch() {
  fetch || fail "there is no branch $branch" \
    "If it was deleted, restore it: without it everything would be created again." \
    "Before the very first apply, create it: bash .dixaform/ci/state.sh create (docs/ci.md)"
}

commit() {
  in_copy add --all --force &&
    in_copy -c user.name=dixaform -c user.email=dixaform@localhost -c commit.gpgSign=false \
      commit --quiet --no-verify --message "$1 [skip ci]" --message "$run"
}

push() { in_copy push --quiet "$url" "HEAD:refs/heads/$branch"; }

# Finds the paths of this tenant's state and journal.
find_state() {
  file=$(dixaform state path --tenant "$tenant" 2>/dev/null) || return 1
  journal=${file%.json}.journal
}

must_find_state() {
  find_state || fail "dixaform can't say where the state of $tenant is" \
    "This says why: dixaform state path --tenant $tenant"
}

is_same() { { [ ! -e "$1" ] && [ ! -e "$2" ]; } || cmp --quiet "$1" "$2"; }

here_as_there() { is_same "$file" "$there.json" && is_same "$journal" "$there.journal"; }

# Copies a file as a whole; if it does not exist, removes the copy.
put() {
  if [ -e "$1" ]; then
    cp "$1" "$2.tmp" && mv "$2.tmp" "$2"
  else
    rm -f "$2"
  fi
}

# Prints a member of the first line of a state, which has its lineage and serial.
member() { sed -n "1s/.*\"$1\": *\"\{0,1\}\([0-9a-f-]*\).*/\1/p" "$2" 2>/dev/null || true; }

# Whether a state is a later one of the same lineage as another, or the same.
follows() {
  local later earlier
  [ "$(member lineage "$1")" = "$(member lineage "$2")" ] || return
  later=$(member serial "$1") earlier=$(member serial "$2")
  [ "${later:-0}" -ge "${earlier:-0}" ]
}

# Prints what tells the state and the journal that are here from any others.
contents() {
  local path
  for path in "$file" "$journal"; do
    if [ -e "$path" ]; then git hash-object --no-filters -- "$path"; else printf 'none\n'; fi
  done
}

# Whether all that is here came from the branch, which has a later state now: a clone in which people plan falls behind.
is_behind() {
  [ "$(contents)" = "$(cat "$shared" 2>/dev/null)" ] && { [ ! -e "$file" ] || follows "$there.json" "$file"; }
}

# Copies the state from $copy to where dixaform looks for it. A local state that was never on the branch is not overwritten,
# and neither is one that is newer.
bring() {
  if git ls-files --error-unmatch -- "$file" >/dev/null 2>&1; then
    fail "$file is committed with the manifests, but the state is on the branch $branch: there can be only one" \
      "Remove it: git rm --cached $file, and commit."
  fi
  if { [ -e "$file" ] || [ -e "$journal" ]; } && ! here_as_there && ! is_behind; then
    fail "$file exists already, and differs from the one on the branch $branch" \
      "Save it (state.sh save) or move it away."
  fi
  mkdir -p "$(dirname "$file")"
  # The journal first: a state without its journal would forget what is in doubt.
  put "$there.journal" "$journal" || fail "can't write $journal"
  put "$there.json" "$file" || fail "can't write $file"
  contents >"$shared"
}

owner() { head -n 1 "$there.taken" 2>/dev/null || true; }

create() {
  must_find_state
  if fetch; then fail "there is a branch $branch already"; fi
  printf '%s\n' "The state of dixaform, one file for each tenant. It is written by state.sh; see docs/ci.md." \
    "If you delete it, every conversation is created again." >"$copy/README.md"
  put "$file" "$there.json"
  put "$journal" "$there.journal"
  commit "Create the branch of the state" || fail "git can't commit"
  push || fail "can't push the branch $branch"
  if [ -e "$file" ]; then
    note "created the branch $branch, with $file"
  else
    note "created the branch $branch. There is no $file, so everything counts as new."
  fi
}

restore() {
  if ! find_state; then
    # The plan will fail too, and its message belongs in the review.
    note "No state was restored: dixaform can't say where it belongs. The plan says why."
    return
  fi
  if ! fetch; then
    note "There is no branch $branch yet: all manifests are planned as new."
    return
  fi
  bring
  if [ -e "$there.taken" ]; then note "An apply is running, or never ended: $(owner)"; fi
}

take() {
  local attempt
  must_find_state
  for attempt in $(seq "$attempts"); do
    must_fetch
    if [ -e "$there.taken" ]; then
      if [ "$(owner)" = "$run" ] && [ -e "$taken" ]; then
        # The push had arrived, and only its answer was lost.
        note "took the state of $tenant"
        return
      fi
      rm -f "$taken"
      fail "the tenant $tenant is taken by $(owner)" \
        "It may be running. If it ended, its state was never saved: docs/ci.md says how to restore it."
    fi
    bring
    printf '%s\n' "$run" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$there.taken"
    # Recorded before the push: even if its answer is lost, save knows that there may be something to give back.
    printf '%s\n' "$run" >"$taken"
    commit "Take $tenant" || fail "git can't commit"
    if push; then
      note "took the state of $tenant"
      return
    fi
    again "the push was refused or lost"
  done
  fail "can't push the branch $branch, and without that nothing is applied"
}

# Keeps a copy for the artifacts of a run that can't save, wherever the tenant has its state.
keep() {
  if ! { mkdir -p "$kept" && put "$file" "$kept/${file##*/}" && put "$journal" "$kept/${journal##*/}"; }; then
    note "can't keep a copy in $kept"
  fi
}

given_back() {
  rm -f "$taken"
  contents >"$shared"
  rm -rf "$kept"
  note "$1"
}

# Waits until no apply is running here. An apply that outlives its job would continue, and nobody would save what it does.
# dixaform checks whether its lock is held; the lock ends with its process, however the process ends.
is_idle() {
  local until=$((SECONDS + ${DIXAFORM_LOCK_SECONDS:-20}))
  while ! held=$(dixaform state unlock --tenant "$tenant" 2>&1); do
    if [ "$SECONDS" -ge "$until" ]; then return 1; fi
    sleep 1
  done
}

# Whether the last apply here made or changed a conversation, by its report.
did_something() { grep --quiet '"id": *[0-9]' dixaform-out/apply.json 2>/dev/null; }

save() {
  local attempt
  if [ ! -e "$taken" ] && [ -z "${DIXAFORM_RUN:-}" ]; then
    note "This run did not take the state of $tenant; there is nothing to save."
    return
  fi
  must_find_state
  local idle=0
  # Also before waiting, because the job can be cancelled while it waits.
  keep
  is_idle || idle=$?
  keep
  if [ "$idle" -ne 0 ]; then
    fail "an apply may still be running here: ${held%%$'\n'*}" \
      "Nothing was saved, and $tenant stays taken; see docs/ci.md."
  fi
  for attempt in $(seq "$attempts"); do
    must_fetch
    if [ "$(owner)" != "$run" ]; then
      if here_as_there; then
        # Saved before, and only the answer was lost; or never taken, because the push did not arrive.
        given_back "the state of $tenant is on the branch $branch"
        return
      fi
      fail "this run no longer has the tenant $tenant, so its state was not saved" "Keep $file and $journal; see docs/ci.md."
    fi
    if [ ! -e "$file" ] && [ -e "$there.json" ]; then
      fail "$file is gone, although the branch $branch has it: nothing was saved, and $tenant stays taken"
    fi
    if [ ! -e "$file" ] && did_something; then
      fail "there is no $file, although the apply did something: nothing was saved, and $tenant stays taken"
    fi
    if [ -e "$file" ] && [ -e "$there.json" ] && ! follows "$file" "$there.json"; then
      fail "$file is older than the one on the branch $branch, or another: nothing was saved, and $tenant stays taken"
    fi
    put "$file" "$there.json" || fail "can't read $file"
    put "$journal" "$there.journal" || fail "can't read $journal"
    rm -f "$there.taken"
    commit "State of $tenant" || fail "git can't commit"
    if push; then
      given_back "saved the state of $tenant to the branch $branch"
      return
    fi
    again "the push was refused or lost"
  done
  fail "can't push the branch $branch: the state was not saved, and $tenant stays taken" \
    "Keep $file and $journal; docs/ci.md says how to restore them."
}

case "${1:-}" in
  create | restore | take | save) "$1" ;;
  *) fail "usage: state.sh create|restore|take|save" ;;
esac
