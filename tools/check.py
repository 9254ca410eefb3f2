"""Static checks of the tree (./dev check [--fix] [NAMES]); the rules that need no compiler are in tools/rules.py."""
import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import rules

SOURCE = os.environ["IA_SOURCE"]
WEB_FILES = ("sdk/**/*.ts", "demo/**/*.{ts,mjs,css}", "test/**/*.{ts,mjs,js}",
             "bench/**/*.{ts,mjs,js}", "*.{ts,mjs}")
TIDY_CHECKS = ",".join((
    "-*", "bugprone-use-after-move", "bugprone-dangling-handle", "bugprone-infinite-loop",
    "bugprone-undefined-memory-manipulation", "performance-unnecessary-copy-initialization",
    "performance-for-range-copy"))


def tracked():
    command = ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"]
    out = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, check=True)
    return [f for f in out.stdout.splitlines() if os.path.isfile(f"{SOURCE}/{f}")]


def cpp_of(files):
    return [f for f in files if f.endswith(rules.CPP) and not f.startswith("tests/misuse/")]


def check_format(files):
    command = ["clang-format", "--dry-run", "-Werror", *cpp_of(files)]
    out = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True)
    unformatted = {line.split(":")[0] for line in out.stderr.splitlines() if ": error:" in line}
    return [f"{file}: not formatted; ./dev check --fix does it" for file in sorted(unformatted)]


def npm_install():
    subprocess.run(["bash", "-c", '. "$IA_SOURCE/tools/build.sh"; npm_install'], cwd=SOURCE, check=True)


def prettier(*words):
    npm_install()
    command = ["node_modules/.bin/prettier", "--no-error-on-unmatched-pattern", *words, *WEB_FILES]
    return subprocess.run(command, cwd=f"{SOURCE}/web", capture_output=True, text=True)


def check_web_format(_files):
    out = prettier("--list-different")
    problems = [f"web/{file}: not formatted; ./dev check --fix does it" for file in out.stdout.splitlines()]
    return problems + out.stderr.splitlines()


def check_types(_files):
    npm_install()
    out = subprocess.run(["npm", "run", "--silent", "types"], cwd=f"{SOURCE}/web", capture_output=True, text=True)
    return out.stdout.splitlines() + out.stderr.splitlines() if out.returncode else []


def check_tidy(files):
    """clang-tidy over decoders and the store, where a lifetime mistake costs most; no build needed: commands without PCH."""
    build = f"{SOURCE}/build/plain"
    if not os.path.exists(f"{build}/compile_commands.json"):
        subprocess.run(["cmake", "--preset", "plain"], cwd=SOURCE, check=True, stdout=subprocess.DEVNULL)
    folders = ("src/base/", "src/content/", "src/store/", "src/fetch/", "src/weights/", "src/host/", "src/input/image/",
               "src/input/audio/")
    sources = [f for f in files if f.endswith(".cpp") and f.startswith(folders) and not rules.is_test(f)]
    options = ["-p", build, "--quiet", f"--checks={TIDY_CHECKS}", "--warnings-as-errors=*"]

    def one(file):
        return subprocess.run(["clang-tidy", *options, f"{SOURCE}/{file}"], capture_output=True, text=True)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(one, sources))
    return [line for r in results for line in r.stdout.splitlines() if ": error:" in line or ": warning:" in line]


def of_tree(check):
    return lambda files: check(SOURCE, files)


CHECKS = {
    "layers": of_tree(rules.check_layers),
    "portable": of_tree(rules.check_portable),
    "wasm": of_tree(rules.check_wasm),
    "web-layers": of_tree(rules.check_web),
    "lines": of_tree(rules.check_lines),
    "sizes": of_tree(rules.check_sizes),
    "words": of_tree(rules.check_words),
    "format": check_format,
    "web-format": check_web_format,
    "types": check_types,
    "tidy": check_tidy,
}


def fix(files):
    """Layout only: a line that no formatter can break is left for a person."""
    subprocess.run(["clang-format", "-i", *cpp_of(files)], cwd=SOURCE, check=True)
    out = prettier("--log-level", "warn", "--write")
    if out.returncode:
        sys.exit(out.stderr)


def main():
    parser = argparse.ArgumentParser(prog="./dev check", description=__doc__)
    parser.add_argument("names", nargs="?", default="", help=f"comma-separated; all when absent: {', '.join(CHECKS)}")
    parser.add_argument("--fix", action="store_true", help="first format C++ and web sources")
    options = parser.parse_args()
    chosen = [name for name in options.names.split(",") if name] or list(CHECKS)
    unknown = set(chosen) - set(CHECKS)
    if unknown:
        parser.error(f"no check {', '.join(sorted(unknown))}; the checks are {', '.join(CHECKS)}")
    files = tracked()
    if options.fix:
        fix(files)
    failed = 0
    for name in chosen:
        problems = CHECKS[name](files)
        print(f"FAIL {name}: {len(problems)} problem(s)" if problems else f"ok   {name}", flush=True)
        for problem in problems[:60]:
            print("    " + problem)
        failed += bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
