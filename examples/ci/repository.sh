# shellcheck shell=bash
# Sourced by state.sh and tip.sh: how they read and write branches of the repository. They work in a copy of their own;
# of the checkout they only ask where it is and what it has.
#
#   DIXAFORM_STATE_REMOTE  a remote or URL; origin
#   DIXAFORM_STATE_TOKEN   a token that may read, and for take and save write, that repository

attempts=5

fail() {
  local line prefix='error: '
  if [ -n "${GITHUB_ACTIONS:-}" ]; then prefix='::error title=dixaform::'; fi
  for line in "$@"; do
    printf '%s%s\n' "$prefix" "$line" >&2
    prefix='  '
  done
  exit "${failed:-1}"
}

note() { printf '%s\n' "$*" >&2; }

# Git exports to its hooks which repository it works on (GIT_DIR, GIT_INDEX_FILE and more), and people set these too. They
# count for more than the folder in which git runs, so that a copy must have none of them. What is configured in the
# environment stays: a container's safe.directory, a proxy, the issuer of a certificate.
own=$(git rev-parse --local-env-vars | grep -v -x -e GIT_CONFIG_COUNT -e GIT_CONFIG_PARAMETERS)
own+=' GIT_NAMESPACE GIT_ATTR_SOURCE GIT_DEFAULT_HASH GIT_QUARANTINE_PATH'

# Runs git in a folder, whatever repository the environment names.
git_in() (
  # shellcheck disable=SC2086 # one word for each
  unset $own
  cd "$1" || exit
  shift
  git "$@"
)

# No hook, no template and no exclusion of a user has a say in the copy.
in_copy() { git_in "$copy" -c core.autocrlf=false -c core.excludesFile= -c core.hooksPath=/dev/null "$@"; }

given=$(git rev-parse --absolute-git-dir 2>&1) || true
found=$(git_in . rev-parse --absolute-git-dir 2>&1) || true
if [ "$found" = "$given" ] || [ ! -d "$given" ]; then
  # Git itself would take the folder in which a hook runs for the top of the working tree.
  # shellcheck disable=SC2086
  unset $own
  if [ ! -d "$found" ]; then fail "git can't work in $PWD" "$found"; fi
fi

# The URL of a remote.
url_of() {
  local url
  url=$(git remote get-url "$1" 2>/dev/null || printf '%s' "$1")
  case $url in
    /* | *:*) ;;
    # From the top of the checkout, and not of the copy.
    *) url=$(git rev-parse --show-toplevel)/$url ;;
  esac
  printf '%s' "$url"
}

url=$(url_of "${DIXAFORM_STATE_REMOTE:-origin}")
if [ -n "${DIXAFORM_STATE_TOKEN:-}" ]; then
  # Only in the environment of git, and for this URL: neither in a file nor in the arguments.
  user=x-access-token
  if [ "$DIXAFORM_STATE_TOKEN" = "${CI_JOB_TOKEN:-}" ]; then user=gitlab-ci-token; fi
  basic=$(printf '%s:%s' "$user" "$DIXAFORM_STATE_TOKEN" | base64 | tr -d '\n')
  count=${GIT_CONFIG_COUNT:-0}
  [[ $count =~ ^[0-9]+$ ]] || fail "GIT_CONFIG_COUNT is not a number: $count"
  # After the settings that the environment has. The empty value drops headers from git's own configuration: a server
  # refuses a request with two of them.
  for value in '' "Authorization: Basic $basic"; do
    export "GIT_CONFIG_KEY_$((10#$count))=http.$url.extraHeader" "GIT_CONFIG_VALUE_$((10#$count))=$value"
    count=$((10#$count + 1))
  done
  export GIT_CONFIG_COUNT=$count
fi
export GIT_TERMINAL_PROMPT=0

umask 077
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
copy=$scratch/branch

# Reports what went wrong, and waits before the next attempt.
again() {
  note "$1 (attempt $attempt of $attempts)"
  if [ "$attempt" -lt "$attempts" ]; then sleep "${DIXAFORM_RETRY_SECONDS:-$((attempt * attempt))}"; fi
}

# fetch_branch URL BRANCH [OPTION...]: fetches the newest commit of a branch into $copy, as FETCH_HEAD; returns 1 if there
# is no branch. If the repository does not answer, it tries again: a network can fail for a moment, and the state that save
# has exists nowhere else.
fetch_branch() {
  local attempt status
  for attempt in $(seq "$attempts"); do
    status=0
    fetch_once "$@" || status=$?
    if [ "$status" -ne 2 ]; then return "$status"; fi
    again "the repository did not answer"
  done
  fail "can't find out from the repository whether there is a branch $2, or what it has; nothing is done without it"
}

# Returns 1 if there is no branch, 2 if that can't be found out.
fetch_once() {
  local status=0 from=$1 name=$2
  shift 2
  rm -rf "$copy"
  mkdir "$copy"
  # Outside the checkout, whose git configuration may have a token of its own.
  in_copy init --quiet --template= || fail "git can't make a folder to work in"
  in_copy ls-remote --exit-code "$from" "refs/heads/$name" >/dev/null || status=$?
  case $status in
    0) ;;
    2) return 1 ;;
    *) return 2 ;;
  esac
  if ! in_copy fetch --quiet --depth 1 "$@" "$from" "refs/heads/$name"; then return 2; fi
}
