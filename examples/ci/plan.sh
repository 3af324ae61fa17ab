#!/usr/bin/env bash
# Validates and plans, without a token, and writes what a review needs to the folder dixaform-out: plan.md, plan.html,
# plan.json, a report for GitLab, and plan.env. plan.md exists after a failure too, and then lists the mistakes:
# an older comment must not look as if it were about the newer commit. validate.html shows the mistakes as a page.
#
#   DIXAFORM_TENANT      the tenant
#   DIXAFORM_PATHS       files and folders of manifests, instead of those of dixaform.yaml
#   DIXAFORM_PLAN_FLAGS  flags of plan and apply, such as --allow-replace
#   DIXAFORM_STATE_TOKEN  as for tip.sh
set -euo pipefail

tenant=${DIXAFORM_TENANT:?the name of the tenant}
out=dixaform-out
# The flags are on one line or on several; read fails at their end.
read -rd '' -a paths <<<"${DIXAFORM_PATHS:-}" || true
read -rd '' -a flags <<<"${DIXAFORM_PLAN_FLAGS:-} ${DIXAFORM_PATHS:-}" || true
mkdir -p "$out"
rm -f "$out"/plan.* "$out"/validate.*

# Runs a command so that nothing it prints acts as a workflow command: manifests can contain any text.
muted() {
  local status=0 token
  if [ -z "${GITHUB_ACTIONS:-}" ]; then
    "$@" || status=$?
    return "$status"
  fi
  token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  printf '::stop-commands::%s\n' "$token"
  "$@" 2>&1 || status=$?
  printf '\n::%s::\n' "$token"
  return "$status"
}

# Prints the text at a path of members in a JSON file, or nothing. grep prints one token on each line; whatever somebody wrote
# in a text, no other token begins or ends in it.
member() {
  LC_ALL=C grep -oE '"([^"\\]|\\.)*"|[][{}:,]|[^][{}:,"[:space:]]+' "$2" 2>/dev/null | LC_ALL=C awk -v wanted="$1" '
    $0 == "{" || $0 == "[" {
      inside = $0 == "{" && (value || depth == 0) ? path : "[]"
      paths[++depth] = inside; value = 0; next
    }
    $0 == "}" || $0 == "]" { depth--; value = 0; next }
    $0 == ":" { path = paths[depth] "." name; value = 1; next }
    value && path == wanted { print substr($0, 2, length($0) - 2); exit }
    { name = substr($0, 2, length($0) - 2); value = 0 }' || true
}

strict=()
status=0
for flag in ${flags[@]+"${flags[@]}"}; do
  case $flag in
    # validate also has this flag.
    --warnings-as-errors) strict=("$flag") ;;
    # dixaform.yaml says where the state is, and state.sh restores that one: with another, everything would be planned as new.
    --state | --state=* | --chdir | --chdir=*)
      printf 'error: the kit takes no %s: dixaform.yaml names the state, and the scripts run in its folder\n' \
        "${flag%%=*}" >&2
      status=64
      ;;
  esac
done

if [ "$status" -eq 0 ]; then bash "${BASH_SOURCE[0]%/*}/tip.sh" || status=$?; fi
# Nothing below needs the repository.
unset DIXAFORM_STATE_TOKEN

if [ "$status" -eq 0 ]; then
  muted dixaform validate ${strict[@]+"${strict[@]}"} ${paths[@]+"${paths[@]}"} \
    --format "github=$out/annotations.txt" \
    --format "markdown=$out/validate.md" --max-bytes 60000 \
    --format "html=$out/validate.html" \
    --format "gitlab=$out/gl-code-quality-report.json" \
    --format "sarif=$out/dixaform.sarif" || status=$?
fi
if [ -n "${GITHUB_ACTIONS:-}" ] && [ -e "$out/annotations.txt" ]; then cat "$out/annotations.txt"; fi

planned=0
if [ "$status" -eq 0 ]; then
  muted env -u GITHUB_ACTIONS -u GITLAB_CI dixaform plan --tenant "$tenant" ${flags[@]+"${flags[@]}"} --detailed-exitcode \
    --format "markdown=$out/plan.md" --max-bytes 64000 \
    --format "html=$out/plan.html" \
    --format "json=$out/plan.json" \
    --format "gitlab=$out/plan-gitlab.json" || planned=$?
  # 2 means that there are changes.
  if [ "$planned" -ne 2 ]; then status=$planned; fi
fi

# The commit that was pushed: that of a pull or merge request is a merge with its target, which is in nobody's clone.
sha=${GITHUB_SHA:-${CI_MERGE_REQUEST_SOURCE_BRANCH_SHA:-${CI_COMMIT_SHA:-}}}
if [ -n "${GITHUB_EVENT_PATH:-}" ]; then
  pushed=$(member .pull_request.head.sha "$GITHUB_EVENT_PATH")
  if [[ $pushed =~ ^[0-9a-f]{40,64}$ ]]; then sha=$pushed; fi
fi
where=${CI_JOB_URL:-}
if [ -n "${GITHUB_RUN_ID:-}" ]; then where=$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID; fi
if [ "$status" -ne 0 ]; then
  printf '%s\n' "<!-- dixaform:plan tenant=$tenant -->" "## dixaform: no plan" "" \
    "It ended with exit code $status; the log of the run says why." >"$out/plan.md"
  # The mistakes in the manifests, as a part of this page: without the mark and one heading level lower.
  if [ "$planned" -eq 0 ] && [ -e "$out/validate.md" ]; then
    printf '\n' >>"$out/plan.md"
    sed '1d; 2s/^## /### /' "$out/validate.md" >>"$out/plan.md"
  fi
fi
if [ -n "$where" ]; then printf '\n%s\n' "[Run]($where) of commit ${sha:0:12}" >>"$out/plan.md"; fi
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then cat "$out/plan.md" >>"$GITHUB_STEP_SUMMARY"; fi
if [ "$status" -ne 0 ]; then exit "$status"; fi

# The fingerprint of the whole plan is below those of its changes.
fingerprint=$(grep -o '"fingerprint": *"[0-9a-f]\{16\}"' "$out/plan.json" | tail -n 1 | grep -o '[0-9a-f]\{16\}')
# The next apply settles what an earlier one left in doubt, even if there are no changes.
apply=false
state=$(dixaform state path --tenant "$tenant")
if [ "$planned" -eq 2 ] || [ -s "${state%.json}.journal" ]; then apply=true; fi
printf 'apply=%s\nfingerprint=%s\n' "$apply" "$fingerprint" >>"${GITHUB_OUTPUT:-/dev/null}"
printf 'DIXAFORM_APPLY=%s\nDIXAFORM_FINGERPRINT=%s\n' "$apply" "$fingerprint" >"$out/plan.env"
printf 'Fingerprint: %s\n' "$fingerprint"
