#!/usr/bin/env bash
# The environment: a private Debian 14 root under the user's cache, made once, entered through a private mount namespace.
#   env.sh enter FOLDER CMD ARGS...   run CMD in FOLDER inside it (making it first when needed)
#   env.sh group NAME                 inside only: install a further package group
#   env.sh remove                     delete every cached root
# For tests/bare:
#   env.sh check                        whether environments can be made here; exits with 3 and says why not
#   env.sh debian SUITE FOLDER ARGS...  another Debian root, made the same way; ARGS are mmdebstrap's
#   env.sh as-root CMD ARGS...          CMD in a namespace of its own, as its root user
set -euo pipefail
suite=forky
PATH=$PATH:/usr/sbin:/sbin  # an ordinary user's lacks them
say() { echo "dev: $*" >&2; }
die() { say "$*"; exit 3; }

packages() {  # packages GROUP: one per line
  awk -v want="[$1]" '/^\[/ {group=$1; next} /^#/ || !NF {next} group==want {print $1}' "$IA_SOURCE/env/packages.txt"
}
key() { { packages base; echo "layout 1"; } | sha256sum | cut -c1-12; }
host_is_reference() { [ -r /etc/os-release ] && grep -q "^VERSION_CODENAME=$suite" /etc/os-release; }

# The mirror the host itself uses for its own release, or nothing (then mmdebstrap's default).
host_mirror() {
  local ID='' VERSION_CODENAME='' files=(/etc/apt/sources.list /etc/apt/sources.list.d/*.list)
  . /etc/os-release
  [ "$ID" = debian ] || return 0
  { cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk -v suites=" $VERSION_CODENAME stable testing unstable sid " 'BEGIN {RS=""; FS="\n"} {
        uri=""; ours=main=0; on=1
        for (i=1; i<=NF; i++) {
          n=split($i, word, " ")
          if (word[1]=="URIs:") uri=word[2]
          if (word[1]=="Enabled:" && word[2]=="no") on=0
          if (word[1]=="Components:" && word[2]=="main") main=1
          if (word[1]=="Suites:") for (j=2; j<=n; j++) if (index(suites, " " word[j] " ")) ours=1
        }
        if (ours && main && on && uri ~ /^https?:/) {print uri; exit}
      }'
    cat "${files[@]}" 2>/dev/null | awk -v suites=" $VERSION_CODENAME stable testing unstable sid " '$1=="deb" {
        sub(/\[[^]]*\]/, "")
        if ($2 ~ /^https?:/ && index(suites, " " $3 " ") && $4=="main") {print $2; exit}
      }'
  } | head -n 1 || true
}

# mmdebstrap is one Perl script: where the host lacks it, unpack its package into the cache; the host stays as it is.
find_mmdebstrap() {
  if command -v mmdebstrap >/dev/null; then command -v mmdebstrap; return; fi
  command -v apt-get >/dev/null && command -v perl >/dev/null || die "this needs mmdebstrap, or apt-get and perl to fetch it; install mmdebstrap with your package manager"
  local version; version=$(perl -e 'printf "%d.%d", $] =~ /^(\d+)\.(\d{3})/')
  local dir=$IA_CACHE/mmdebstrap-$version
  if [ ! -d "$dir" ]; then
    say "fetching mmdebstrap (a script; nothing is installed on the host)"
    local tmp=$dir.partial log=$IA_CACHE/mmdebstrap.log
    rm -rf "$tmp"; mkdir -p "$tmp/lists/partial" "$tmp/deb"
    local options=(-q -oDir::State::Lists="$tmp/lists" -oDir::Cache::pkgcache= -oDir::Cache::srcpkgcache= -oAPT::Sandbox::User= -oAcquire::Retries=3)
    # One dead source among many makes the update fail, yet the package may be there: the download decides.
    LC_ALL=C apt-get "${options[@]}" update >"$log" 2>&1 || true
    # A bare Debian has perl-base alone, so its modules come along.
    (cd "$tmp/deb" && LC_ALL=C apt-get "${options[@]}" download mmdebstrap "perl-modules-$version" "libperl$version") >>"$log" 2>&1 ||
      (cd "$tmp/deb" && LC_ALL=C apt-get "${options[@]}" download mmdebstrap) >>"$log" 2>&1 ||
      { tail -n 20 "$log" >&2; die "cannot download mmdebstrap with the host's apt sources; see $log, or install mmdebstrap"; }
    for package in "$tmp"/deb/*.deb; do dpkg -x "$package" "$tmp"; done
    rm -rf "$tmp/lists" "$tmp/deb"; mv "$tmp" "$dir"
  fi
  echo "$dir/usr/bin/mmdebstrap"
}

# make_debian SUITE FOLDER ARGS...: mmdebstrap, always as the root user of a namespace whose ids are those that `enter` uses. Not
# --mode=unshare: its files belong to other ids, which may not reach into a private home folder either.
make_debian() {
  local wanted=$1 folder=$2 tool dir mirror; shift 2
  tool=$(find_mmdebstrap); dir=${tool%/usr/bin/mmdebstrap}; mirror=$(host_mirror)
  case $tool in "$IA_CACHE"/*) local -x PERL5LIB; PERL5LIB=$(printf '%s:' "$dir"/usr/share/perl/5.* "$dir"/usr/lib/*/perl/5.*) ;; esac
  LC_ALL=C as_root "$tool" --mode=root \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' \
    --dpkgopt='force-unsafe-io' "$@" "$wanted" "$folder" ${mirror:+"$mirror"}
}

namespace_flags() { if [ "$(id -u)" = 0 ]; then echo --mount; else echo --mount --user --map-auto --map-root-user; fi; }
as_root() { unshare $(namespace_flags) -- "$@"; }

# Says what is missing, and what to do about it.
check_rights() {
  local file me refusal
  command -v mount >/dev/null || die "this needs the mount command; install package mount"
  refusal=$(as_root true 2>&1) && return
  if [ "$(id -u)" = 0 ]; then die "root may not make a mount namespace here ($refusal); in a container, give it CAP_SYS_ADMIN, or use the Dockerfile"; fi
  me=$(id -un)
  unshare --help | grep -q -e --map-auto || die "as an ordinary user this needs util-linux 2.38 or newer (Debian 12 has it)"
  command -v newuidmap >/dev/null && command -v newgidmap >/dev/null || die "as an ordinary user this needs newuidmap; have root run: apt-get install uidmap"
  for file in subuid subgid; do
    grep -q "^$me:" "/etc/$file" 2>/dev/null || die "/etc/$file has no line for $me; have root run: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $me"
  done
  die "user namespaces are refused ($refusal); have root check: sysctl user.max_user_namespaces kernel.unprivileged_userns_clone; inside a chroot they never work"
}

check_cache() {
  mkdir -p "$IA_CACHE" 2>/dev/null && [ -w "$IA_CACHE" ] || die "cannot write to $IA_CACHE; set IPFS_ACCELERATE_CACHE to a folder of yours"
}

# check_space FOLDER GIB
check_space() {
  local free; free=$(df -Pk "$1" | awk 'NR==2 {print int($4 / 1048576)}')
  [ "$free" -ge "$2" ] || die "$1 has $free GiB free, the environment needs $2; make room, or set IPFS_ACCELERATE_CACHE to a folder elsewhere"
}

# Of mmdebstrap's many lines, the stages.
show_stages() {
  local line start=$SECONDS
  while read -r line; do
    case $line in "I: downloading"* | "I: extracting"* | "I: installing"*) say "  ${line#I: } ($((SECONDS - start)) s)" ;; esac
  done
}

make_root() {
  local root=$1 include start=$SECONDS
  local tmp=$root.partial log=$IA_CACHE/environment.log
  check_space "$IA_CACHE" 5
  find_mmdebstrap >/dev/null  # here, so that its failure is not lost in the log below
  say "making the Debian 14 environment in $root (once; about 2 minutes and 3 GB)"
  remove_tree "$tmp"; mkdir -p "$tmp"
  include=$(packages base | paste -sd,)
  # Not --dpkgopt=path-exclude: mmdebstrap then runs a filter written in Python, which a bare Debian lacks.
  local leave_out='cd "$1" && rm -rf usr/share/doc/* usr/share/man/* usr/share/locale/* &&
    printf "path-exclude=/usr/share/%s/*\n" doc man locale > etc/dpkg/dpkg.cfg.d/98left-out'
  if ! make_debian $suite "$tmp" --variant=apt --include="$include" --extract-hook="$leave_out" \
      --customize-hook='chroot "$1" sh -c "cat /var/lib/apt/lists/*InRelease 2>/dev/null | sed -n s/^Valid-Until:.//p > /valid-until"' \
      2>&1 | tee "$log" | show_stages; then
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
  as_root rm -rf --one-file-system "$1"
}

enter() {
  local folder=$1; shift
  check_cache
  if host_is_reference; then
    local missing; missing=$(packages base | xargs dpkg-query -W -f='${Status} ${Package}\n' 2>&1 | awk '!/^install ok installed/ {print $NF}' | paste -sd' ')
    if [ -n "$missing" ]; then
      [ "$(id -u)" = 0 ] || die "missing packages; run: apt-get install $missing"
      say "installing missing packages"; apt-get update -q && apt-get install -qy --no-install-recommends $(packages base)
    fi
    cd "$folder"; run_inside() { exec "$@"; }; start "$@"
  fi
  check_rights
  local root=$IA_CACHE/root-$(key)
  exec 9>"$IA_CACHE/lock"
  flock -n 9 || { say "waiting for another ./dev that sets up the environment"; flock 9; }
  [ -d "$root" ] || (umask 022; make_root "$root")
  exec 9>&-
  exec unshare $(namespace_flags) --propagation private -- "$IA_SOURCE/tools/env.sh" inside "$root" "$folder" "$@"
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
    [ -d "$top" ] || continue
    [ -e "$root$top/." ] && [ "$(stat -c %d:%i "$root$top/.")" = "$(stat -c %d:%i "$top/.")" ] && continue
    [ -z "$(ls -A "$root$top" 2>/dev/null)" ] || continue  # the environment's own, as /usr: the host's may not cover it
    mkdir -p "$root$top"; mount --rbind "$top" "$root$top"
  done
  for name in resolv.conf hosts ssl/certs/ca-certificates.crt; do  # the last: a host's own certificate authority counts inside too
    [ -e "/etc/$name" ] || continue
    [ -e "$root/etc/$name" ] || : > "$root/etc/$name"
    mount --bind "$(readlink -f "/etc/$name")" "$root/etc/$name"
  done
  [ -d "$root$folder" ] || die "the host's $folder is not seen inside the environment; run this from another folder"
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
  remove)
    for root in "$IA_CACHE"/root-*; do remove_tree "$root"; done
    rm -rf "$IA_CACHE"/emscripten-* "$IA_CACHE"/mmdebstrap* "$IA_CACHE"/ccache "$IA_CACHE"/npm "$IA_CACHE"/demo "$IA_CACHE"/shaders ;;
  check) check_cache; check_rights ;;
  debian) shift; umask 022; make_debian "$@" ;;
  as-root) shift; exec unshare $(namespace_flags) --pid --fork --kill-child -- "$@" ;;
  *) die "env.sh: usage" ;;
esac
