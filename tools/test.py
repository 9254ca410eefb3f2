"""Runs every test suite of the project and adds up what they counted (./dev test)."""
import argparse
import glob
import json
import os
import re
import subprocess
import sys
import time

SOURCE = os.environ["IA_SOURCE"]
BIN = f"{SOURCE}/build/release/bin"
ASAN_BIN = f"{SOURCE}/build/asan/bin"
FIXTURES = f"{SOURCE}/tests/fixtures"
# gtest programs that the sanitizer run repeats: what reads bytes from outside, and what waits, shares and stops.
SANITIZED = ("test_base", "test_content", "test_store", "test_input_text", "test_input_image", "test_input_audio", "test_host_pictures", "test_weights", "test_graph",
             "test_model", "test_task", "test_backend", "test_backend_cpu", "test_backend_webnn", "test_scripted_fetch", "test_native_fetch", "test_engine",
             "test_scenarios", "test_server")
ASAN_TARGETS = SANITIZED


def shell(command):
    """A step sourced with the build functions of tools/build.sh."""
    return ["bash", "-c", f'set -euo pipefail; . "$IA_SOURCE/tools/build.sh"; {command}']


def gtest(program):
    return [program, "--gtest_brief=1"]


def suites():
    """(suite, [(label, command)]), in the order they run. A command's output ends with 'N passed, N failed', or is GoogleTest's."""
    golden = ["python3", f"{SOURCE}/tools/golden.py", FIXTURES]
    zoo = ["python3", f"{SOURCE}/tools/golden.py", f"{SOURCE}/zoo", "--only", "numbers-bert,numbers-bert-classifier,numbers-gpt2,numbers-t5,digits-vit"]
    node = lambda *words: ["node", *words]
    yield "unit", [(os.path.basename(p), gtest(p)) for p in sorted(glob.glob(f"{BIN}/test_*"))] + [
        ("rules of the tree", ["python3", f"{SOURCE}/tools/check_test.py"]),
        ("checkouts that share the compiler's cache", ["python3", f"{SOURCE}/tools/build_test.py"]),
        ("misuse that must not compile", ["python3", f"{SOURCE}/tests/misuse/run.py"])]
    yield "golden", [
        ("tokenizers", ["python3", f"{SOURCE}/tools/golden.py", "--tokenizers", f"{FIXTURES}/tokenizers"]),
        ("models on cpu", golden + ["--backend", "cpu"]),
        ("models on webgpu", golden + ["--backend", "webgpu"]),
        ("zoo on cpu", zoo + ["--backend", "cpu"]),
        ("zoo on webgpu", zoo + ["--backend", "webgpu"]),
    ]
    yield "integration", [(os.path.basename(p), ["python3", p]) for p in sorted(glob.glob(f"{SOURCE}/tests/integration/*_test.py"))]
    yield "content", [("npm differential", shell("cd tests/content && npm ci --no-audit --no-fund --prefer-offline >&2 && node differential.mjs"))]
    yield "web", [
        ("sdk", shell("cd web && npm run --silent test:report")),
        ("browsers", node(f"{SOURCE}/web/test/browser-tests.mjs")),
    ]
    yield "sanitizers", [(f"asan+ubsan {name}", gtest(f"{ASAN_BIN}/{name}")) for name in SANITIZED] + [
        ("fuzz smoke", ["python3", f"{SOURCE}/fuzz/smoke.py"])]


PREPARE = {
    "unit": "build_native", "golden": "build_golden", "integration": "build_preset release ipfs-accelerate hello_cpp hello_c ipfs_accelerate; build_web",
    "content": "build_preset release cid_tree", "web": "build_preset release ipfs-accelerate golden_models scenario_traces picture_pixels; build_web",
    "sanitizers": "build_preset asan " + " ".join(ASAN_TARGETS) + " fuzzers",
}


def counted(output):
    """(passed, failed) from the last line that counts."""
    passed = re.search(r"\[  PASSED  \] (\d+) test", output)
    if passed or "[==========]" in output:
        failed = re.search(r"(\d+) FAILED TEST", output)
        return int(passed.group(1)) if passed else 0, int(failed.group(1)) if failed else 0
    found = re.findall(r"^(\d+) passed, (\d+) failed", output, re.M)
    return (int(found[-1][0]), int(found[-1][1])) if found else None


def run(label, command, log):
    started = time.time()
    with open(log, "w") as out:
        code = subprocess.call(command, stdout=out, stderr=subprocess.STDOUT, cwd=SOURCE)
    output = open(log, errors="replace").read()
    count = counted(output)
    passed, failed = count or (0, 0)
    if (code != 0 or count is None) and failed == 0:
        failed = 1  # it crashed, or it counted nothing: that is a failure, not a pass
    mark = "ok  " if failed == 0 else "FAIL"
    print(f"  {mark} {label}: {passed} passed, {failed} failed ({time.time() - started:.1f} s)", flush=True)
    if failed:
        print("".join("      " + line + "\n" for line in output.splitlines()[-40:]), f"     whole output: {log}", flush=True)
    return passed, failed


def main():
    parser = argparse.ArgumentParser(prog="./dev test")
    parser.add_argument("names", nargs="?", default="", help="suites, comma-separated; all when absent")
    parser.add_argument("--list", action="store_true", help="print the suites' names")
    parser.add_argument("--json", action="store_true", help="last line: totals as JSON")
    options = parser.parse_args()
    if options.list:
        print("\n".join(PREPARE))
        print("bare: the set-up itself on a minimal Debian 12; by its own name only (./dev test bare), as it needs network and about 8 minutes")
        return 0
    chosen = [name for name in options.names.split(",") if name]
    unknown = set(chosen) - set(PREPARE)
    if unknown:
        if "bare" in unknown:
            print("dev test: bare runs outside the environment and alone: ./dev test bare", file=sys.stderr)
            return 2
        print(f"dev test: no suite {', '.join(sorted(unknown))}; the suites are {', '.join(PREPARE)}", file=sys.stderr)
        return 2
    logs = f"{SOURCE}/build/test-logs"
    os.makedirs(logs, exist_ok=True)
    started, passed, failed = time.time(), 0, 0
    for name in PREPARE:
        if chosen and name not in chosen:
            continue
        print(f"{name} ({time.time() - started:.0f} s)", flush=True)
        if subprocess.call(shell(PREPARE[name]), cwd=SOURCE) != 0:
            print(f"  FAIL {name} did not build", flush=True)
            failed += 1
            continue
        for label, command in dict(suites())[name]:
            result = run(label, command, f"{logs}/{name}-{re.sub('[^a-z0-9]+', '-', label.lower())}.log")
            passed, failed = passed + result[0], failed + result[1]
    print(f"done in {time.time() - started:.0f} s")
    if options.json:
        print(json.dumps({"passed": passed, "failed": failed}))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
