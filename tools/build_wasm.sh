#!/usr/bin/env bash
# Builds the four WebAssembly programs (with and without threads, plain and relaxed SIMD) into build/wasm/{single,threads}/bin.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
build() {  # build PRESET FOLDER
  if [ ! -e "build/wasm/$2/build.ninja" ]; then cmake --preset "$1" >&2; fi
  cmake --build "build/wasm/$2" -j "$(nproc)" >&2
}
build wasm single
build wasm-threads threads
