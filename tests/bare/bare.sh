#!/usr/bin/env bash
# ./dev test bare: the set-up itself, from empty caches, on a minimal Debian 12 made for this, as root and as an ordinary user.
# It runs outside the environment and needs what the set-up needs. Nothing of the host is seen in there but the kernel, the
# project's files and the way to the network. Everything lies in one folder that is deleted at the end; mounts and processes
# vanish with their namespace.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
env_sh=$IA_SOURCE/tools/env.sh
[ -z "${IA_INSIDE:-}" ] || { echo "dev test bare: leave the environment first; it cannot be set up inside itself" >&2; exit 3; }
say() { echo "bare: $* ($SECONDS s)"; }

# What the host's apt needs to reach packages (proxies and the like) holds in there too.
copy_network() {
  local etc=$1/etc
  apt-config dump 2>/dev/null | grep -E '^Acquire::(http|https|Check-)' > "$etc/apt/apt.conf.d/90host" || true
  cat /etc/resolv.conf > "$etc/resolv.conf"
  cat /etc/hosts > "$etc/hosts"
  [ ! -s /etc/ssl/certs/ca-certificates.crt ] || cat /etc/ssl/certs/ca-certificates.crt > "$etc/ssl/certs/ca-certificates.crt"
}

copy_project() {
  mkdir -p "$1"
  tar -C "$IA_SOURCE" -c --exclude=./build --exclude=./.git --exclude=node_modules . | tar -C "$1" -x --no-same-owner
}

# In a namespace of its own: the new root with its own /proc, entered by pivot_root, for under chroot nobody may make user namespaces.
enter() {
  local root=$1 name; shift
  mount --bind "$root" "$root"
  mount -t proc proc "$root/proc" 2>/dev/null || mount --rbind /proc "$root/proc"
  for name in dev sys; do mount --rbind "/$name" "$root/$name"; done
  cd "$root"
  pivot_root . mnt
  cd /
  umount -l /mnt
  local keep=() variable
  for variable in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    [ -z "${!variable:-}" ] || keep+=("$variable=${!variable}")
  done
  exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "${keep[@]}" "$@"
}

if [ "${1:-}" = enter ]; then shift; enter "$@"; fi

"$env_sh" check
work=$(mktemp -d "$IA_CACHE/bare.XXXXXX")
child=
# In a namespace that ends, with all its processes, when its first process (unshare) is killed.
in_namespace() { local code=0; "$env_sh" as-root "$@" & child=$!; wait $child || code=$?; child=; return $code; }
delete_all() { "$env_sh" as-root rm -rf --one-file-system "$work"; }
clean_up() {
  if [ -n "$child" ]; then kill -KILL $child; sleep 1; fi
  delete_all || { sleep 3; delete_all; }
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

say "making a minimal Debian 12"
root=$work/debian12
# With /usr merged, as an installed Debian has it. mmdebstrap gets there by package usrmerge, which brings all of Perl: out with both.
merged='mkdir -p "$1/usr/bin" "$1/usr/sbin" "$1/usr/lib" "$1/usr/lib64" && cd "$1" && ln -s usr/bin usr/sbin usr/lib usr/lib64 .'
less_perl='chroot "$1" dpkg --purge usrmerge libfile-find-rule-perl libnumber-compare-perl libtext-glob-perl perl perl-modules-5.36 libperl5.36'
in_namespace "$env_sh" debian bookworm "$root" --variant=minbase --include=ca-certificates,usr-is-merged \
  --setup-hook="$merged" --customize-hook="$less_perl" > "$work/log" 2>&1 ||
  { code=$?; tail -n 20 "$work/log" >&2; echo "0 passed, 1 failed"; exit $code; }
in_namespace bash -euc "$(declare -f copy_network copy_project); copy_network $(printf %q "$root"); copy_project $(printf %q "$root/project")"
result=0
in_namespace "$here/bare.sh" enter "$root" bash /project/tests/bare/cases.sh || result=$?
exit $result
