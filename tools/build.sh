# Build steps, sourced by ./dev inside the environment.
jobs=$(nproc)

install_group() { "$IA_SOURCE/tools/env.sh" group "$1"; }

build_preset() {  # build_preset PRESET [TARGET...]
  local preset=$1; shift
  local dir=$IA_SOURCE/build/$preset
  mkdir -p "$dir"
  (
    flock -n 8 || { echo "dev: waiting for another build in $dir" >&2; flock 8; }
    build_here "$dir" "$preset" "$@"
  ) 8> "$dir.lock"
}
build_here() {  # one at a time in a folder
  local dir=$1 preset=$2; shift 2
  if [ ! -e "$dir/build.ninja" ]; then (cd "$IA_SOURCE" && cmake --preset "$preset" >&2); fi
  cmake --build "$dir" -j "$jobs" ${1:+--target "$@"} >&2
}
build_times() { python3 "$IA_SOURCE/tools/build_times.py" "$IA_SOURCE/build" "$@"; }
build_native() { build_preset release; }
build_program() { build_preset release ipfs-accelerate; }
build_golden() { build_preset release golden_models golden_tokenizers core_calls; }
build_program_if_missing() { [ -x "$IA_SOURCE/build/release/bin/ipfs-accelerate" ] || build_program; }
# Configured again: the peers' libraries may have been installed since.
build_bench() { (cd "$IA_SOURCE" && cmake --preset release >&2) && build_preset release bench_peers ipfs-accelerate core_calls golden_models; }

npm_install() {
  local stamp=$IA_SOURCE/web/node_modules/.installed-$(sha256sum "$IA_SOURCE/web/package-lock.json" | cut -c1-12)
  [ -e "$stamp" ] && return
  echo "dev: installing npm packages" >&2
  (cd "$IA_SOURCE/web" && npm ci --no-audit --no-fund --prefer-offline >&2) && : > "$stamp"
}
build_web() { build_preset wasm; npm_install; (cd "$IA_SOURCE/web" && npm run --silent build >&2); }
build_web_if_missing() { [ -e "$IA_SOURCE/web/dist/version.json" ] || build_web; }
build_web_for() { case " $* " in *" web-webgpu "* | *" webnn "* | *" wasm "* | *" --browser "*) build_web ;; esac; }
