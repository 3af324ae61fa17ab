#!/usr/bin/env bash
# Refuses, with exit code 5, to plan or apply a commit that its branch has left behind. GitHub and GitLab start an old run
# again with its old commit, and that would write back what a newer one has changed since. plan.sh and apply.sh run it.
#
# Only the project's own folder counts: a newer commit that leaves it alone need not have a run of its own. If the project
# names files outside of it (`..`), the whole repository counts. Pull and merge requests, merge queues, tags and work by
# hand are not compared with a branch.
#
#   DIXAFORM_STATE_TOKEN  a token that may read the repository, if the checkout has none
set -euo pipefail

branch=
if [ -n "${GITHUB_ACTIONS:-}" ]; then
  case ${GITHUB_EVENT_NAME:-} in
    # A queue plans on a branch that lasts as long as its run.
    merge_group | pull_request*) ;;
    *) if [[ ${GITHUB_REF:-} == refs/heads/* ]]; then branch=${GITHUB_REF#refs/heads/}; fi ;;
  esac
elif [ -n "${GITLAB_CI:-}" ]; then
  # Only the pipelines of a branch have it.
  branch=${CI_COMMIT_BRANCH:-}
fi
if [ -z "$branch" ]; then exit; fi

# shellcheck source-path=SCRIPTDIR source=repository.sh
. "$(dirname "${BASH_SOURCE[0]}")/repository.sh"
failed=5

folder=$(git rev-parse --show-prefix)
names=${DIXAFORM_PATHS:-}
for file in dixaform.yaml dixaform.yml; do
  if [ -e "$file" ]; then names+=$(cat "$file"); fi
done
if [[ $names == *..* ]]; then folder=; fi

# Trees suffice, and repositories can be large. A server that can't leave out the rest sends it.
fetch_branch "$(url_of origin)" "$branch" --filter=blob:none || fail "there is no branch $branch any more"
commit=$(git rev-parse HEAD)
tip=$(in_copy rev-parse FETCH_HEAD)
# A folder that the branch no longer has is another one, too.
if [ "$(git rev-parse "HEAD:$folder")" != "$(in_copy rev-parse --verify --quiet "FETCH_HEAD:$folder")" ]; then
  fail "this run is of commit ${commit:0:12}, which is no longer the tip of $branch: that is ${tip:0:12}" \
    "Nothing was planned or applied, because it would write back what is older. Use the run of the newest commit." \
    "To go back to these manifests, revert the newer commits."
fi
