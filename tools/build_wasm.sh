#!/usr/bin/env bash
# Builds the four WebAssembly programs (with and without threads, plain and relaxed SIMD) into build/wasm/{single,threads}/bin.
set -euo pipefail
source=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
for kind in single threads; do
  dir=$source/build/wasm/$kind
  if [ ! -e "$dir/build.ninja" ]; then
    [ $kind = threads ] && threads=ON || threads=OFF
    emcmake cmake -S "$source" -B "$dir" -G Ninja -DCMAKE_BUILD_TYPE=Release -DIA_WASM_THREADS=$threads >&2
  fi
  cmake --build "$dir" -j "$(nproc)" >&2
done
