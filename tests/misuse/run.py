"""Mistakes that must not compile, each beside the right way, which must.

A file here is compiled twice: as it is (the twins), and with MISUSE defined, when the compiler must report each
`misuse-error {{...}}` at its line, with that text, and no other error. Only headers are needed; nothing is linked.
"""
import glob
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
COMPILE = [os.environ.get("CXX", "clang++"), "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
           "-Wno-unused-parameter", f"-I{SOURCE}/include", f"-I{SOURCE}/src"]
VERIFY = ["-DMISUSE", "-ferror-limit=0", "-Xclang", "-verify=misuse", "-Xclang",
          "-verify-ignore-unexpected=note,warning"]


def mistakes_in(file):
    """How many errors a file asks for."""
    with open(file, encoding="utf-8") as text:
        return sum(int(count or 1) for count in re.findall(r"// misuse-error(?:-re)?\S* (\d*)", text.read()))


def compiles(job):
    file, options = job
    return subprocess.run([*COMPILE, *options, file], capture_output=True, text=True)


def main():
    files = sorted(glob.glob(f"{HERE}/*.cpp"))
    jobs = [(file, options) for file in files for options in ([], VERIFY)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(compiles, jobs))
    passed = failed = 0
    for (file, options), result in zip(jobs, results, strict=True):
        name, good = os.path.basename(file), result.returncode == 0
        count = mistakes_in(file) if options else 1
        print(f"{'ok  ' if good else 'FAIL'} {name}: " + (f"{count} mistakes refused" if options else "the right way"))
        if not good:
            print(result.stderr)
        passed, failed = passed + good * count, failed + (not good)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
