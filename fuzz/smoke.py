"""Runs every built fuzzer for a few seconds from its seeds. A crash leaves its input in the temporary folder it names."""
import glob
import os
import subprocess
import sys
import tempfile

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SECONDS = int(os.environ.get("IA_FUZZ_SECONDS", "5"))


def run(program):
    """(ok, what it printed last)"""
    seeds = os.path.join(SOURCE, "fuzz", "seeds", os.path.basename(program))
    work = tempfile.mkdtemp(prefix="fuzz-")
    arguments = [f"-max_total_time={SECONDS}", "-max_len=4096", "-timeout=10", "-rss_limit_mb=2048", "-verbosity=0",
                 f"-artifact_prefix={work}/", work]
    done = subprocess.run([program, *arguments, *([seeds] if os.path.isdir(seeds) else [])], capture_output=True, text=True)
    return done.returncode == 0, done.stderr[-3000:]


def main():
    programs = sorted(glob.glob(sys.argv[1] if len(sys.argv) > 1 else f"{SOURCE}/build/asan/bin/fuzz_*"))
    failed = 0
    for program in programs:
        ok, output = run(program)
        failed += not ok
        print(f"{'ok    ' if ok else 'FAILED'} {os.path.basename(program)}", flush=True)
        if not ok:
            print(output)
    if not programs:
        print("no fuzzers were built: cmake --preset asan && cmake --build build/asan --target fuzzers")
        failed = 1
    print(f"{len(programs) - failed if programs else 0} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
