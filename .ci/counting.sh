# For .ci/run and .ci/long to source: $work, a folder of their own, and the counts of what ran.
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

# add "N passed, N failed, N skipped"; anything else counts as a failure
add() {
  local p f s
  read -r p f s < <(sed -E 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/;t;s/.*/0 1 0/' <<<"${1:-nothing}")
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# count COMMAND…: show what it prints, and add its last line
count() {
  "$@" | tee "$work/output"
  add "$(tail -1 "$work/output")"
}

close() {
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
}
