#!/usr/bin/env bash
# Runs as root in the minimal Debian 12 that bare.sh made, with the project at /project.
set -uo pipefail
user=tester passed=0 failed=0 started=$SECONDS

# ok LABEL STATUS
ok() {
  if [ "$2" = 0 ]; then passed=$((passed + 1)); echo "  ok   $1 ($((SECONDS - started)) s)"
  else failed=$((failed + 1)); echo "  FAIL $1 ($((SECONDS - started)) s)"; fi
  started=$SECONDS
}
# check LABEL CMD...
check() { local label=$1; shift; "$@"; ok "$label" $?; }

# refuses LABEL WORDS CMD...: it fails with exit code 3 and says WORDS.
refuses() {
  local label=$1 words=$2 output code; shift 2
  output=$("$@" 2>&1); code=$?
  echo "$output"
  [ $code = 3 ] && case $output in *"$words"*) true ;; *) false ;; esac
  ok "$label" $?
}

as_user() { setpriv --reuid $user --regid $user --init-groups env HOME="/home/$user" PATH=/usr/local/bin:/usr/bin:/bin IPFS_ACCELERATE_CACHE="${cache:-}" bash -c "$1"; }
as_root() { IPFS_ACCELERATE_CACHE=${cache:-} bash -c "$1"; }

is_minimal() {
  local name
  for name in mmdebstrap python3 newuidmap git curl xz file clang; do ! command -v "$name" || return 1; done
  ! dpkg -s perl > /dev/null 2>&1
}

# the set-up as AS (as_root or as_user), with the project at $project
set_up() {
  local as=$1
  check "environment from an empty cache" $as "cd $project && ./dev env"
  check "a second entry makes nothing" $as "cd $project && ! ./dev env 2>&1 | grep dev:"
  check "commands run in Debian 14, in the caller's folder" $as "mkdir -p ~/trial && cd ~/trial && echo 'grep -q VERSION_CODENAME=forky /etc/os-release && pwd' | $project/dev shell | grep -x ~/trial"
  check "it compiles and runs C++23" $as "cd ~/trial && $project/dev shell" <<'TEXT'
    set -e
    printf '#include <print>\nint main() { std::println("compiled"); }\n' > a.cpp
    clang++ -std=c++23 a.cpp -o a && ./a
TEXT
  check "from / one is in Debian 14 too" $as "cd / && echo 'grep VERSION_CODENAME=forky /etc/os-release' | $project/dev shell"
  check "node, python and chromium start" $as "$project/dev shell" <<< 'set -e; node -e "console.log(process.version)"; python3 -c "import ssl, json"; chromium --version'
  check "packages can be added, as ./dev bench does" $as "$project/dev shell" <<< 'set -e; apt-get -q -oAcquire::Check-Valid-Until=false update >/dev/null; apt-get -qy install hello >/dev/null; hello'
  check "what is made inside belongs to the caller" $as 'test "$(stat -c %u ~/trial/a)" = "$(id -u)"'
}

# Files of this system that are newer than /started and not in the folders where they may be.
changed() { find / -xdev -newer /started -type f ! -path "/home/*" ! -path "$HOME/trial/*" ! -path "/srv/*" ! -path "/tmp/*" | grep .; }

echo "as root, with perl-base alone, the cache on another path"
check "the system is minimal" is_minimal
touch /started; sleep 1
project=/project cache=/srv/cache
set_up as_root
check "nothing else on the system changed" bash -c "$(declare -f changed); ! changed"
du -sm /srv/cache | awk '{print "  the cache holds " $1 " MB"}'
as_root "$project/dev clean --all"
check "clean --all removes the environment" bash -c '! ls -d /srv/cache/root-* /srv/cache/mmdebstrap* 2>/dev/null'

echo "as an ordinary user, with a private home folder"
useradd --create-home --shell /bin/bash $user && chmod 700 "/home/$user"
sed -i "/^$user:/d" /etc/subuid /etc/subgid 2>/dev/null
project=/home/$user/project cache=
cp -a /project "$project" && chown -R $user: "$project"
refuses "without newuidmap it says so" "apt-get install uidmap" as_user "$project/dev env"
{ apt-get -q update && apt-get -qy --no-install-recommends install uidmap; } > /tmp/apt.log 2>&1 || cat /tmp/apt.log
refuses "without ids it says so" "/etc/subuid has no line for $user" as_user "$project/dev env"
# The usual range, or what there is when this runs in a user namespace itself.
ids=$(awk '{sum += $3} END {print (sum > 200000) ? "100000:65536" : "2000:63000"}' /proc/self/uid_map)
echo "$user:$ids" | tee -a /etc/subuid >> /etc/subgid
cache=/nowhere refuses "a cache that cannot be written is named" "cannot write to /nowhere" as_user "$project/dev env"
set_up as_user
as_user "$project/dev clean --all"
check "clean --all removes the environment" bash -c "! ls -d /home/$user/.cache/ipfs_accelerate/root-* 2>/dev/null"

echo "$passed passed, $failed failed"
[ $failed = 0 ]
