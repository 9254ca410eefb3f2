"""Runs recorded models, shipped models or tokenizer cases against one backend (./dev golden, ./dev zoo).

One judge for every host (tests/golden): it says what to ask, the engine answers, natively or in a page, it looks at the
answers.
"""
import argparse
import os
import subprocess
import sys
import tempfile

SOURCE = os.environ["IA_SOURCE"]
BIN = os.environ.get("IA_BIN", f"{SOURCE}/build/release/bin")
# --backend -> the platform that calls ask for, and the browser (none: natively)
BACKENDS = {
    "cpu": ("cpu", None),
    "webgpu": ("webgpu", None),
    "wasm": ("cpu", "chromium"),
    "web-webgpu": ("webgpu", "chromium"),
    "webnn": ("webnn", "chromium-webnn"),
}
BROWSERS = ("chromium", "firefox", "chromium-webnn")


def parse():
    parser = argparse.ArgumentParser(prog="dev golden", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("dir", nargs="?", metavar="DIR", help="folder of model folders, each with golden.json")
    parser.add_argument("--tokenizers", metavar="DIR", help="folder of tokenizer folders, each with cases.json")
    parser.add_argument("--backend", choices=BACKENDS, default="cpu")
    parser.add_argument("--browser", choices=BROWSERS, help="for the web backends")
    parser.add_argument("--only", metavar="NAMES", default="", help="names or prefixes, comma-separated")
    parser.add_argument("--precision", type=int, choices=(16, 32), default=32, help="16: f16 with wider bounds")
    parser.add_argument("--json", action="store_true", help="a JSON line per model that ran")
    options = parser.parse_args()
    if (options.dir is None) == (options.tokenizers is None):
        parser.error("give one folder: DIR for models, or --tokenizers DIR")
    if options.browser and BACKENDS[options.backend][1] is None:
        web = ", ".join(name for name, (_, browser) in BACKENDS.items() if browser)
        parser.error(f"--browser goes with the backends {web}")
    folder = options.dir or options.tokenizers
    if not os.path.isdir(folder):
        sys.exit(f"dev golden: no folder {folder}")
    return options


def perform(calls, browser):
    """The process that answered calls (text, a JSON line each), its output the answers in the same form."""
    with tempfile.TemporaryDirectory() as home:
        native = [f"{BIN}/core_calls", "--home", home]
        page = ["node", f"{SOURCE}/web/test/calls.mjs", "--browser", str(browser)]
        return subprocess.run(page if browser else native, input=calls, text=True, stdout=subprocess.PIPE)


def main():
    options = parse()
    only = ["--only", options.only] if options.only else []
    if options.tokenizers:
        return subprocess.call([f"{BIN}/golden_tokenizers", options.tokenizers, *only])
    platform, browser = BACKENDS[options.backend]
    judge = [f"{BIN}/golden_models", options.dir, "--platform", platform, "--precision", str(options.precision), *only]
    asked = subprocess.run([*judge, "--calls"], stdout=subprocess.PIPE, text=True, check=True).stdout
    answered = perform(asked, options.browser or browser)
    if answered.returncode != 0:
        print(f"the engine ended with exit code {answered.returncode}\n0 passed, 1 failed")
        return 1
    told = ["--answers", "-"] + (["--json"] if options.json else [])
    return subprocess.run([*judge, *told], input=answered.stdout, text=True).returncode


sys.exit(main())
