"""Runs recorded models or tokenizer cases against one backend (./dev golden)."""
import argparse
import os
import sys

SOURCE = os.environ["IA_SOURCE"]
BIN = os.environ.get("IA_BIN", f"{SOURCE}/build/release/bin")
NATIVE = ("cpu", "webgpu", "reference")
WEB = ("wasm", "web-webgpu", "webnn")


def parse(arguments):
    parser = argparse.ArgumentParser(prog="dev golden", description=__doc__)
    parser.add_argument("dir", nargs="?", metavar="DIR", help="folder of model folders, each with golden.json")
    parser.add_argument("--tokenizers", metavar="DIR", help="folder of tokenizer folders, each with cases.json")
    parser.add_argument("--backend", choices=NATIVE + WEB, default="cpu")
    parser.add_argument("--browser", choices=("chromium", "firefox", "chromium-webnn"), help="for the web backends")
    parser.add_argument("--only", metavar="NAMES", help="names or prefixes, comma-separated")
    parser.add_argument("--precision", type=int, choices=(16, 32), default=32, help="16: f16 with wider bounds")
    options = parser.parse_args(arguments)
    if (options.dir is None) == (options.tokenizers is None):
        parser.error("give one folder: DIR for models, or --tokenizers DIR")
    if options.browser and options.backend not in WEB:
        parser.error(f"--browser goes with the backends {', '.join(WEB)}")
    return options


def command_of(options):
    """The program that does the work, with its arguments."""
    only = ["--only", options.only] if options.only else []
    if options.tokenizers:
        return [f"{BIN}/golden_tokenizers", options.tokenizers] + only
    shared = [options.dir, "--backend", options.backend, "--precision", str(options.precision)] + only
    if options.backend in NATIVE:
        return [f"{BIN}/golden_models"] + shared
    browser = options.browser or {"webnn": "chromium-webnn"}.get(options.backend, "chromium")
    return ["node", f"{SOURCE}/web/test/golden.mjs"] + shared + ["--browser", browser]


def main():
    options = parse(sys.argv[1:])
    folder = options.dir or options.tokenizers
    if not os.path.isdir(folder):
        sys.exit(f"dev golden: no folder {folder}")
    command = command_of(options)
    sys.stdout.flush()
    os.execvp(command[0], command)


main()
