"""Calls to the engine and their answers, natively or in a page: what golden runs and the zoo stand on."""
import json
import os
import subprocess
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


class Failed(Exception):
    """The engine could not be asked, or gave an error; the text says why."""


def add_options(parser):
    parser.add_argument("--backend", choices=BACKENDS, default="cpu")
    parser.add_argument("--browser", choices=BROWSERS, help="for the web backends")
    parser.add_argument("--only", metavar="NAMES", default="", help="names or prefixes, comma-separated")
    parser.add_argument("--precision", type=int, choices=(16, 32), default=32, help="16: f16 with wider bounds")


def check_options(parser, options):
    if options.browser and BACKENDS[options.backend][1] is None:
        web = ", ".join(name for name, (_, browser) in BACKENDS.items() if browser)
        parser.error(f"--browser goes with the backends {web}")


def platform_of(options):
    return BACKENDS[options.backend][0]


def perform(calls, options):
    """Answers of the engine to calls, both as text with a JSON line each."""
    browser = options.browser or BACKENDS[options.backend][1]
    with tempfile.TemporaryDirectory() as home:
        native = [f"{BIN}/core_calls", "--home", home]
        page = ["node", f"{SOURCE}/web/test/calls.mjs", "--browser", str(browser)]
        done = subprocess.run(page if browser else native, input=calls, text=True, stdout=subprocess.PIPE)
    if done.returncode != 0:
        raise Failed(f"the engine ended with exit code {done.returncode}")
    return done.stdout


def answer(call, options):
    """The value one call gives."""
    lines = perform(json.dumps(call) + "\n", options).splitlines()
    reply = json.loads(lines[0]) if lines else {}
    if "value" in reply:
        return reply["value"]
    error = reply.get("error", {})
    raise Failed(f"{error.get('code', 'no answer')}: {error.get('message', '')}")
