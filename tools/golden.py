"""Runs recorded models or tokenizer cases against one backend (./dev golden)."""
import argparse
import os
import subprocess
import sys

import calls


def parse():
    parser = argparse.ArgumentParser(prog="dev golden", description=__doc__)
    parser.add_argument("dir", nargs="?", metavar="DIR", help="folder of model folders, each with golden.json")
    parser.add_argument("--tokenizers", metavar="DIR", help="folder of tokenizer folders, each with cases.json")
    calls.add_options(parser)
    options = parser.parse_args()
    if (options.dir is None) == (options.tokenizers is None):
        parser.error("give one folder: DIR for models, or --tokenizers DIR")
    calls.check_options(parser, options)
    folder = options.dir or options.tokenizers
    if not os.path.isdir(folder):
        sys.exit(f"dev golden: no folder {folder}")
    return options


def main():
    options = parse()
    only = ["--only", options.only] if options.only else []
    if options.tokenizers:
        return subprocess.call([f"{calls.BIN}/golden_tokenizers", options.tokenizers, *only])
    # One judge for every host: it says what to ask, the engine answers, it looks at the answers.
    judge = [f"{calls.BIN}/golden_models", options.dir, "--platform", calls.platform_of(options),
             "--precision", str(options.precision), *only]
    asked = subprocess.run([*judge, "--calls"], stdout=subprocess.PIPE, text=True, check=True).stdout
    try:
        answers = calls.perform(asked, options)
    except calls.Failed as failure:
        print(f"{failure}\n0 passed, 1 failed")
        return 1
    return subprocess.run([*judge, "--answers", "-"], input=answers, text=True).returncode


sys.exit(main())
