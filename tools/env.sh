#!/usr/bin/env bash
# The environment: a private Debian 14 root under the user's cache, made once, entered through a private mount namespace.
#   env.sh enter FOLDER CMD ARGS...   run CMD in FOLDER inside it (making it first when needed)
#   env.sh group NAME                 inside only: install a further package group
#   env.sh remove                     delete every cached root
set -euo pipefail
suite=forky
say() { echo "dev: $*" >&2; }
die() { say "$*"; exit 3; }

packages() {  # packages GROUP: one per line
  awk -v want="[$1]" '/^\[/ {group=$1; next} /^#/ || !NF {next} group==want {print $1}' "$IA_SOURCE/env/packages.txt"
}
key() { { packages base; echo "layout 1"; } | sha256sum | cut -c1-12; }
host_is_reference() { [ -r /etc/os-release ] && grep -q "^VERSION_CODENAME=$suite" /etc/os-release; }

# The mirror the host itself uses, or nothing (then mmdebstrap's default).
host_mirror() {
  { cat /etc/apt/sources.list.d/debian.sources 2>/dev/null | awk '/^URIs:/ {print $2; exit}'
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | awk '$1=="deb" {for (i=2;i<=NF;i++) if ($i ~ /^https?:/) {print $i; exit}}'
  } | grep -v security | head -n 1 || true
}

# mmdebstrap is one Perl script: where the host lacks it, unpack its package into the cache; the host stays as it is.
find_mmdebstrap() {
  if command -v mmdebstrap >/dev/null; then command -v mmdebstrap; return; fi
  local dir=$IA_CACHE/mmdebstrap
  if [ ! -x "$dir/usr/bin/mmdebstrap" ]; then
    command -v apt-get >/dev/null && command -v perl >/dev/null || die "this needs apt-get and perl, or mmdebstrap; install mmdebstrap with your package manager"
    say "fetching mmdebstrap (a script; nothing is installed on the host)"
    mkdir -p "$dir/lists/partial" "$dir/deb"
    local options=(-q -oDir::State::Lists="$dir/lists" -oDir::Cache::pkgcache= -oDir::Cache::srcpkgcache= -oAPT::Sandbox::User=)
    apt-get "${options[@]}" update >"$dir/log" 2>&1 || { cat "$dir/log" >&2; die "apt-get update failed"; }
    local version; version=$(perl -e 'printf "%d.%d", $] =~ /^(\d+)\.(\d{3})/')  # a bare Debian has perl-base alone
    (cd "$dir/deb" && apt-get "${options[@]}" download mmdebstrap "perl-modules-$version" "libperl$version" >>"$dir/log" 2>&1) ||
      (cd "$dir/deb" && apt-get "${options[@]}" download mmdebstrap >>"$dir/log" 2>&1) || die "cannot download mmdebstrap; see $dir/log"
    for package in "$dir"/deb/*.deb; do dpkg -x "$package" "$dir"; done
  fi
  echo "$dir/usr/bin/mmdebstrap"
}

can_use_namespaces() { unshare --user --map-auto --map-root-user --mount true 2>/dev/null; }

make_root() {
  local root=$1 mode
  if [ "$(id -u)" = 0 ]; then mode=root
  elif can_use_namespaces; then mode=unshare
  else die "this needs the root user, or user namespaces (package uidmap and lines for $(id -un) in /etc/subuid and /etc/subgid)"; fi
  local tool mirror tmp start=$SECONDS
  tool=$(find_mmdebstrap)
  case $tool in "$IA_CACHE"/*) export PERL5LIB; PERL5LIB=$(ls -d "$IA_CACHE"/mmdebstrap/usr/share/perl/5.* "$IA_CACHE"/mmdebstrap/usr/lib/*/perl/5.* 2>/dev/null | paste -sd:) ;; esac
  mirror=$(host_mirror); tmp=$root.partial
  say "making the Debian 14 environment in $root (once; about 2 minutes and 3 GB)"
  remove_tree "$tmp"; mkdir -p "$tmp"
  local include; include=$(packages base | paste -sd,)
  local log=$IA_CACHE/environment.log
  # Not --dpkgopt=path-exclude: mmdebstrap then runs a filter written in Python, which a bare Debian lacks.
  local leave_out='cd "$1" && rm -rf usr/share/doc/* usr/share/man/* usr/share/locale/* &&
    printf "path-exclude=/usr/share/%s/*\n" doc man locale > etc/dpkg/dpkg.cfg.d/98left-out'
  if ! "$tool" --mode=$mode --variant=apt --include="$include" \
      --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' \
      --dpkgopt='force-unsafe-io' --extract-hook="$leave_out" \
      --customize-hook='chroot "$1" sh -c "cat /var/lib/apt/lists/*InRelease 2>/dev/null | sed -n s/^Valid-Until:.//p > /valid-until"' \
      $suite "$tmp" ${mirror:+"$mirror"} 2>&1 | tee "$log" | while read -r line; do case $line in I:*) say "  ${line#I: } ($((SECONDS - start)) s)" ;; esac; done; then
    tail -n 20 "$log" >&2; die "the environment could not be made; the whole log is $log"
  fi
  local until; until=$(head -n 1 "$tmp/valid-until" 2>/dev/null || true)
  if [ -n "$until" ] && [ "$(date -d "$until" +%s 2>/dev/null || echo 9999999999)" -lt "$(date +%s)" ]; then
    say "note: the mirror's package index was valid until $until; its signature is good, going on"
  fi
  mv "$tmp" "$root"
  say "environment ready ($((SECONDS - start)) s)"
}

remove_tree() {
  [ -e "$1" ] || return 0
  if [ "$(id -u)" = 0 ]; then rm -rf --one-file-system "$1"; else unshare --user --map-auto --map-root-user rm -rf --one-file-system "$1"; fi
}

enter() {
  local folder=$1; shift
  mkdir -p "$IA_CACHE"
  if host_is_reference; then
    local missing; missing=$(packages base | xargs dpkg-query -W -f='${Status} ${Package}\n' 2>&1 | awk '!/^install ok installed/ {print $NF}' | paste -sd' ')
    if [ -n "$missing" ]; then
      [ "$(id -u)" = 0 ] || die "missing packages; run: apt-get install $missing"
      say "installing missing packages"; apt-get update -q && apt-get install -qy --no-install-recommends $(packages base)
    fi
    cd "$folder"; run_inside() { exec "$@"; }; start "$@"
  fi
  local root=$IA_CACHE/root-$(key)
  exec 9>"$IA_CACHE/lock"
  flock -n 9 || { say "waiting for another ./dev that sets up the environment"; flock 9; }
  [ -d "$root" ] || make_root "$root"
  exec 9>&-
  local flags=(--mount --propagation private)
  [ "$(id -u)" = 0 ] || flags+=(--user --map-auto --map-root-user)
  exec unshare "${flags[@]}" "$IA_SOURCE/tools/env.sh" inside "$root" "$folder" "$@"
}

# In the new mount namespace: the host's folders at their own paths, then chroot. Mounts vanish with the namespace.
inside() {
  local root=$1 folder=$2; shift 2
  local top name
  for name in dev proc sys; do mount --rbind "/$name" "$root/$name"; done
  for top in /* ; do
    name=${top#/}
    case $name in bin | sbin | lib | lib32 | lib64 | libx32 | usr | etc | var | dev | proc | sys | boot | run | lost+found) continue ;; esac
    if [ -L "$top" ] || [ ! -d "$top" ]; then continue; fi
    mkdir -p "$root/$name"; mount --rbind "$top" "$root/$name"
  done
  for top in "$IA_SOURCE" "$folder" "$IA_CACHE" "$HOME"; do  # those under a folder skipped above
    [ -e "$root$top/." ] && [ "$(stat -c %d:%i "$root$top/.")" = "$(stat -c %d:%i "$top/.")" ] && continue
    mkdir -p "$root$top"; mount --rbind "$top" "$root$top"
  done
  for name in resolv.conf hosts ssl/certs/ca-certificates.crt; do  # the last: a host's own certificate authority counts inside too
    [ -e "/etc/$name" ] || continue
    [ -e "$root/etc/$name" ] || : > "$root/etc/$name"
    mount --bind "$(readlink -f "/etc/$name")" "$root/etc/$name"
  done
  mkdir -p "$root/dev/shm" 2>/dev/null || true
  unset LD_LIBRARY_PATH LD_PRELOAD PYTHONPATH PYTHONHOME VIRTUAL_ENV NODE_PATH NODE_OPTIONS CC CXX CFLAGS CXXFLAGS LDFLAGS CPATH JAVA_HOME TMPDIR
  run_inside() { exec chroot "$root" /usr/bin/env -C "$folder" "$@"; }
  start "$@"
}

start() {
  export IA_INSIDE=1 LANG=C.UTF-8 LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
  export PATH=$IA_SOURCE/build/release/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  export EM_CACHE=$IA_CACHE/emscripten-$(key) CCACHE_DIR=$IA_CACHE/ccache npm_config_cache=$IA_CACHE/npm
  export CCACHE_BASEDIR=$IA_SOURCE CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=4G
  export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime CCACHE_PCH_EXTSUM=1  # what ccache needs for precompiled headers
  run_inside "$@"
}

case ${1:-} in
  enter) shift; enter "$@" ;;
  inside) shift; inside "$@" ;;
  group)
    marker=/var/lib/ipfs_accelerate-group-$2-$(packages "$2" | sha256sum | cut -c1-12)
    [ -e "$marker" ] && exit 0
    say "installing package group '$2'"
    apt-get -q -oAcquire::Check-Valid-Until=false update >&2
    apt-get -qy --no-install-recommends install $(packages "$2") >&2 || die "group '$2' could not be installed"
    : > "$marker" ;;
  remove) for root in "$IA_CACHE"/root-*; do remove_tree "$root"; done; rm -rf "$IA_CACHE"/emscripten-* "$IA_CACHE"/ccache "$IA_CACHE"/npm ;;
  *) die "env.sh: usage" ;;
esac
