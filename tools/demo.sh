#!/usr/bin/env bash
# What `./dev run` shows: the shipped models that run into a store under the cache, a few sentences on every native backend, and how to
# go on. The user's own store stays as it is, unless IPFS_ACCELERATE_HOME names it.
set -euo pipefail
zoo=$IA_SOURCE/zoo
export IPFS_ACCELERATE_HOME=${IPFS_ACCELERATE_HOME:-$IA_CACHE/demo}
export MESA_SHADER_CACHE_DIR=${MESA_SHADER_CACHE_DIR:-$IA_CACHE/shaders}  # the software GPU's, else in ~/.cache
for model in numbers-bert numbers-bert-classifier numbers-gpt2 numbers-llama numbers-t5 digits-vit; do
  ipfs-accelerate add --quiet --reference --name "$model" "$zoo/$model" >/dev/null
done
ipfs-accelerate demo numbers-bert "42" "forty two" "forty-two" "the number 7" "seven" "one thousand two hundred" "1,200"
cat <<TEXT

  go on (the models' names are in the store of this demo, $IPFS_ACCELERATE_HOME)
    export IPFS_ACCELERATE_HOME=$IPFS_ACCELERATE_HOME
    ./dev exec ipfs-accelerate run numbers-gpt2 "42 ="                          a text, as it is written
    ./dev exec ipfs-accelerate run digits-vit zoo/digits-vit/eval/000.png       what a picture shows
    ./dev exec ipfs-accelerate run numbers-bert-classifier "forty two" "7"      even or odd
    ./dev exec ipfs-accelerate serve                                            the page: the same numbers in your browser
    ./dev exec ipfs-accelerate devices                                          what this machine has
TEXT
