#!/usr/bin/env bash
# Posts dixaform-out/plan.md on the pull or merge request once, and then edits that comment. The first line of plan.md is a
# mark that readers don't see; the script finds the comment by this mark and its author. A project in a folder of the
# repository has its folder in the mark, and so a comment of its own.
#
#   GitHub: GH_TOKEN, DIXAFORM_PULL_REQUEST (its number); DIXAFORM_COMMENTER, github-actions[bot]
#   GitLab: DIXAFORM_GITLAB_TOKEN, a project access token with the scope api; the token of a job can't write notes
set -euo pipefail

page=dixaform-out/plan.md
umask 077
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mark=$(head -n 1 "$page")
[[ $mark =~ ^'<!-- dixaform:plan tenant='[A-Za-z0-9._-]+' -->'$ ]] || {
  printf 'error: %s has no mark\n' "$page" >&2
  exit 1
}
folder=$(git rev-parse --show-prefix 2>/dev/null | tr -c 'A-Za-z0-9._/\n' '-') || folder=
if [ -n "$folder" ]; then
  mark="${mark% -->} folder=${folder%/} -->"
  { printf '%s\n' "$mark" && tail -n +2 "$page"; } >"$scratch/page"
  page=$scratch/page
fi

github() {
  local comments=repos/$GITHUB_REPOSITORY/issues/${DIXAFORM_PULL_REQUEST:?the number of the pull request}/comments id
  local first='.[] | [.id, .user.login, (.body | split("\n")[0] | rtrimstr("\r"))] | @tsv'
  gh api --paginate "$comments?per_page=100" --jq "$first" >"$scratch/comments"
  id=$(awk -F '\t' -v author="${DIXAFORM_COMMENTER:-github-actions[bot]}" -v mark="$mark" \
    '$2 == author && $3 == mark && !found { print $1; found = 1 }' "$scratch/comments")
  if [ -n "$id" ]; then
    gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" -F "body=@$page"
    printf 'edited the comment %s\n' "$id"
  else
    gh api --silent --method POST "$comments" -F "body=@$page"
    printf 'created a comment\n'
  fi
}

# Header and body come from files: every process can see arguments.
call() { curl --silent --show-error --fail-with-body --retry 3 --header "@$scratch/header" "$@"; }

gitlab() {
  if [ -z "${DIXAFORM_GITLAB_TOKEN:-}" ]; then
    printf 'WARNING: NO COMMENT. The variable DIXAFORM_GITLAB_TOKEN is not set (docs/ci.md). The plan is above.\n' >&2
    return
  fi
  local notes=$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes id='' author number=1
  printf 'PRIVATE-TOKEN: %s\n' "$DIXAFORM_GITLAB_TOKEN" >"$scratch/header"
  author=$(call "$CI_API_V4_URL/user" | jq .id)
  while [ -z "$id" ]; do
    call "$notes?sort=asc&order_by=created_at&per_page=100&page=$number" >"$scratch/notes"
    if [ "$(jq length "$scratch/notes")" -eq 0 ]; then break; fi
    id=$(jq --argjson author "$author" --arg mark "$mark" \
      '[.[] | select(.author.id == $author and (.body | split("\n")[0] | rtrimstr("\r")) == $mark) | .id][0] // empty' \
      "$scratch/notes")
    number=$((number + 1))
  done
  if [ -n "$id" ]; then
    call --request PUT --data-urlencode "body@$page" --output /dev/null "$notes/$id"
    printf 'edited the note %s\n' "$id"
  else
    call --request POST --data-urlencode "body@$page" --output /dev/null "$notes"
    printf 'created a note\n'
  fi
}

if [ -n "${GITLAB_CI:-}" ]; then gitlab; else github; fi
