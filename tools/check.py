"""Static checks of the tree: layers, formatting, clang-tidy, TypeScript types, data sizes (./dev check)."""
import os
import re
import subprocess
import sys

SOURCE = os.environ["IA_SOURCE"]
CPP = (".cpp", ".h", ".inc.h")
MAX_FILE, MAX_DATA = 4 << 20, 45 << 20
DATA_FOLDERS = ("zoo/", "tests/fixtures/")
TIDY_CHECKS = "-*,bugprone-use-after-move,bugprone-dangling-handle,bugprone-infinite-loop,bugprone-undefined-memory-manipulation,performance-unnecessary-copy-initialization,performance-for-range-copy"


def tracked():
    out = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=SOURCE, capture_output=True, text=True, check=True)
    return [f for f in out.stdout.splitlines() if os.path.isfile(f"{SOURCE}/{f}")]


def read_layers():
    layers = {}
    for line in open(f"{SOURCE}/layers.txt"):
        line = line.split("#")[0].strip()
        if line:
            folder, allowed = line.split(":")
            layers[folder.strip()] = set(allowed.split())
    return layers


def layer_of(path, layers):
    """The deepest folder of layers.txt that holds the file, or None (tests, tools, web)."""
    folder = os.path.dirname(path)
    while folder:
        if folder in layers:
            return folder
        folder = os.path.dirname(folder)
    return None


def check_layers(files):
    layers, problems = read_layers(), []
    for file in files:
        owner = layer_of(file, layers)
        if owner is None or not file.endswith(CPP) or file.endswith("_test.cpp"):
            continue
        for number, line in enumerate(open(f"{SOURCE}/{file}", errors="replace"), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match:
                continue
            target = next((root + match[1] for root in ("include/", "src/", "", os.path.dirname(file) + "/")
                           if os.path.isfile(f"{SOURCE}/{root}{match[1]}")), None)
            target_layer = layer_of(target, layers) if target else None
            if target_layer and target_layer != owner and target_layer not in layers[owner]:
                problems.append(f"{file}:{number}: {owner} may not include {target_layer} (layers.txt)")
    return problems


def check_format(files):
    sources = [f for f in files if f.endswith(CPP)]
    out = subprocess.run(["clang-format", "--dry-run", "-Werror", *sources], cwd=SOURCE, capture_output=True, text=True)
    return sorted({line.split(":")[0] + ": not formatted; run clang-format -i on it" for line in out.stderr.splitlines() if ": error:" in line})


def check_sizes(files):
    sizes = {f: os.path.getsize(f"{SOURCE}/{f}") for f in files}
    problems = [f"{f}: {s} bytes; one file may have {MAX_FILE}" for f, s in sizes.items() if s > MAX_FILE]
    total = sum(s for f, s in sizes.items() if f.startswith(DATA_FOLDERS))
    if total > MAX_DATA:
        problems.append(f"data folders hold {total} bytes; the limit is {MAX_DATA}")
    return problems


def check_words(files):
    """Machine paths and registry hosts have no place in the tree."""
    pattern = re.compile(r"/root/|/home/[a-z]+/|registry\.npmjs|deb\.debian\.org|pypi\.org")
    problems = []
    for file in files:
        if file.startswith(DATA_FOLDERS) or not file.endswith((*CPP, ".ts", ".mjs", ".py", ".sh", ".md", ".json", ".txt", "dev", ".cmake")) or file == "tools/check.py":
            continue
        for number, line in enumerate(open(f"{SOURCE}/{file}", errors="replace"), 1):
            if pattern.search(line):
                problems.append(f"{file}:{number}: names a machine path or registry host")
    return problems


def check_tidy(files):
    """clang-tidy over the library sources, on the compile commands without precompiled headers: it needs no build."""
    build = f"{SOURCE}/build/plain"
    if not os.path.exists(f"{build}/compile_commands.json"):
        subprocess.run(["cmake", "--preset", "plain"], cwd=SOURCE, check=True, stdout=subprocess.DEVNULL)
    # Decoders and the store: where a lifetime mistake costs most.
    folders = ("src/base/", "src/content/", "src/store/", "src/fetch/", "src/weights/")
    sources = [f for f in files if f.endswith(".cpp") and f.startswith(folders) and not f.endswith("_test.cpp")]
    def one(file):
        return subprocess.run(["clang-tidy", "-p", build, "--quiet", f"--checks={TIDY_CHECKS}", "--warnings-as-errors=*", f"{SOURCE}/{file}"], capture_output=True, text=True)
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(one, sources))
    return [line for r in results for line in r.stdout.splitlines() if ": error:" in line or ": warning:" in line]


def check_types(_files):
    if not os.path.exists(f"{SOURCE}/web/package.json"):
        return []
    subprocess.run(["bash", "-c", '. "$IA_SOURCE/tools/build.sh"; npm_install'], cwd=SOURCE, check=True)
    out = subprocess.run(["npm", "run", "--silent", "types"], cwd=f"{SOURCE}/web", capture_output=True, text=True)
    return out.stdout.splitlines() + out.stderr.splitlines() if out.returncode else []


def main():
    files = tracked()
    checks = [("layers", check_layers), ("formatting", check_format), ("sizes", check_sizes), ("words", check_words),
              ("clang-tidy", check_tidy), ("TypeScript", check_types)]
    failed = 0
    for name, check in checks:
        problems = check(files)
        print(f"{'ok  ' if not problems else 'FAIL'} {name}" + (f": {len(problems)} problem(s)" if problems else ""), flush=True)
        for problem in problems[:60]:
            print("    " + problem)
        failed += bool(problems)
    return 1 if failed else 0


sys.exit(main())
