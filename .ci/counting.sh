# For .ci/run and .ci/long to source: $work, a folder of their own, and the counts of what ran.
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0
# What failed, by name: said again at the end, where a long log is looked at first.
export FAILURES=$work/failures

# add "N passed, N failed, N skipped"; anything else counts as a failure
add() {
  local p f s
  read -r p f s < <(sed -E 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/;t;s/.*/0 1 0/' <<<"${1:-nothing}")
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# fail NAME: a check of that name failed
fail() {
  echo "$1: failed" | tee -a "$FAILURES"
  failed=$((failed + 1))
}

# skip REASON: something cannot be checked here
skip() {
  echo "$1"
  skipped=$((skipped + 1))
}

# check NAME COMMAND…: one check; it ends with 77, as with automake, where it cannot run, and has said why
check() {
  local name=$1
  shift
  "$@"
  case $? in
    0) passed=$((passed + 1)) ;;
    77) skipped=$((skipped + 1)) ;;
    *) fail "$name" ;;
  esac
}

# count COMMAND…: show what it prints, and add its last line
count() {
  "$@" | tee "$work/output"
  add "$(tail -1 "$work/output")"
}

close() {
  [ ! -s "$FAILURES" ] || { echo 'What failed:'; cat "$FAILURES"; }
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
}
