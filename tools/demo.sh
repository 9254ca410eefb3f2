#!/usr/bin/env bash
# What `./dev run` shows: the shipped models into the store, a few sentences on every native backend, and how to go on.
set -euo pipefail
zoo=$IA_SOURCE/zoo
for model in numbers-bert numbers-bert-classifier; do
  ipfs-accelerate add --quiet --reference --name "$model" "$zoo/$model" >/dev/null
done
ipfs-accelerate demo numbers-bert "42" "forty two" "forty-two" "the number 7" "seven" "one thousand two hundred" "1,200"
cat <<'TEXT'

  go on
    ./dev exec ipfs-accelerate serve                                       the page: the same numbers in your browser
    ./dev exec ipfs-accelerate run numbers-bert-classifier "forty two" "7" even or odd
    ./dev exec ipfs-accelerate devices                                     what this machine has
TEXT
