#!/usr/bin/env bash
# Applies what was approved, and nothing else: the plan made now must have the fingerprint of the plan that was shown.
# `state.sh take` comes before it, `state.sh save` after it, whatever happens.
#
#   DIXAFORM_TENANT       the tenant
#   DIXAFORM_FINGERPRINT  of the plan that was approved
#   DIXAFORM_PATHS, DIXAFORM_PLAN_FLAGS  as for plan.sh
#   DIXAFORM_APPLY_FLAGS  flags of apply alone, such as --allow-outbound
#   DIXAFORM_STATE_TOKEN  as for tip.sh
#
# The result is in the folder dixaform-out: apply.md, which is the summary of the job on GitHub, apply.html, apply.json,
# and apply.txt, the log.
set -euo pipefail

tenant=${DIXAFORM_TENANT:?the name of the tenant}
fingerprint=${DIXAFORM_FINGERPRINT:?the fingerprint of the plan that was approved}
# The flags are on one line or on several; read fails at their end.
read -rd '' -a flags <<<"${DIXAFORM_PLAN_FLAGS:-} ${DIXAFORM_APPLY_FLAGS:-} ${DIXAFORM_PATHS:-}" || true
# dixaform.yaml says where the state is, and state.sh saves that one: another one would be lost, and everything created again.
for flag in ${flags[@]+"${flags[@]}"}; do
  case $flag in
    --state | --state=* | --chdir | --chdir=*)
      printf 'error: the kit takes no %s: dixaform.yaml names the state, and the scripts run in its folder\n' \
        "${flag%%=*}" >&2
      exit 64
      ;;
  esac
done
out=dixaform-out
mkdir -p "$out"
rm -f "$out"/apply.*
bash "${BASH_SOURCE[0]%/*}/tip.sh"
# Nothing below needs the repository.
unset DIXAFORM_STATE_TOKEN

# Nothing that is printed may act as a workflow command: manifests can contain any text.
token=
if [ -n "${GITHUB_ACTIONS:-}" ]; then
  token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  printf '::stop-commands::%s\n' "$token"
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkfifo "$scratch/lines"
# A cancelled job sends its signals to this shell alone. Pass them on to dixaform: after the first it starts nothing
# new, finishes what it began and saves, within seven seconds.
child=
# shellcheck disable=SC2317,SC2329 # the trap calls it
forward() { if [ -n "$child" ]; then kill -TERM "$child" 2>/dev/null || true; fi; }
trap forward INT TERM

tee "$out/apply.txt" <"$scratch/lines" &
tee=$!
env -u GITHUB_ACTIONS -u GITLAB_CI dixaform apply --tenant "$tenant" --approved "$fingerprint" ${flags[@]+"${flags[@]}"} \
  --format "markdown=$out/apply.md" --max-bytes 64000 \
  --format "html=$out/apply.html" \
  --format "json=$out/apply.json" \
  --format "github=$scratch/annotations" >"$scratch/lines" 2>&1 &
child=$!
status=0
wait "$child" || status=$?
# A signal ends the waiting, not the child.
while kill -0 "$child" 2>/dev/null; do
  status=0
  wait "$child" || status=$?
done
wait "$tee" || true
if [ -n "$token" ]; then
  printf '\n::%s::\n' "$token"
  if [ -e "$scratch/annotations" ]; then cat "$scratch/annotations"; fi
fi

# An apply that ended before it had a plan, or was killed, leaves no report: then show its log.
if [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -e "$out/apply.md" ]; then
  cat "$out/apply.md" >>"$GITHUB_STEP_SUMMARY"
elif [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  {
    printf '## dixaform apply, exit code %s\n\n<pre>\n' "$status"
    tail -c 60000 "$out/apply.txt" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'
    printf '</pre>\n'
  } >>"$GITHUB_STEP_SUMMARY"
fi
exit "$status"
