#!/bin/sh
# cargo run -p process -- sh demos/process/programs/count.sh
number=0
while read -r line; do
  number=$((number + 1))
  printf '%s %s\n' "$number" "$line"
done
