#!/usr/bin/env bash
# Applies what was approved, and nothing else: the plan made now must have the fingerprint of the plan that was shown.
# `state.sh take` comes before it, `state.sh save` after it, whatever happens.
#
#   DIXAFORM_TENANT       the tenant
#   DIXAFORM_FINGERPRINT  of the plan that was approved
#   DIXAFORM_PATHS, DIXAFORM_PLAN_FLAGS  as for plan.sh
#   DIXAFORM_APPLY_FLAGS  flags of apply alone, such as --allow-outbound
set -euo pipefail

tenant=${DIXAFORM_TENANT:?the name of the tenant}
fingerprint=${DIXAFORM_FINGERPRINT:?the fingerprint of the plan that was approved}
read -ra flags <<<"${DIXAFORM_PLAN_FLAGS:-} ${DIXAFORM_APPLY_FLAGS:-} ${DIXAFORM_PATHS:-}"
mkdir -p dixaform-out

# Nothing that is printed is taken for a workflow command: manifests are anybody's text.
token=
if [ -n "${GITHUB_ACTIONS:-}" ]; then
  token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  printf '::stop-commands::%s\n' "$token"
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkfifo "$scratch/lines"
# A cancelled job sends its signals to this shell alone. dixaform must have them: at the first it starts nothing new,
# ends what it began and saves, within seven seconds.
child=
# shellcheck disable=SC2329 # the trap calls it
forward() { if [ -n "$child" ]; then kill -TERM "$child" 2>/dev/null || true; fi; }
trap forward INT TERM

tee dixaform-out/apply.txt <"$scratch/lines" &
tee=$!
dixaform apply --tenant "$tenant" --approved "$fingerprint" ${flags[@]+"${flags[@]}"} >"$scratch/lines" 2>&1 &
child=$!
status=0
wait "$child" || status=$?
# A signal ends the waiting, not the child.
while kill -0 "$child" 2>/dev/null; do
  status=0
  wait "$child" || status=$?
done
wait "$tee" || true
if [ -n "$token" ]; then printf '\n::%s::\n' "$token"; fi

if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  {
    printf '## dixaform apply, exit code %s\n\n<pre>\n' "$status"
    tail -c 60000 dixaform-out/apply.txt | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'
    printf '</pre>\n'
  } >>"$GITHUB_STEP_SUMMARY"
fi
exit "$status"
