"""What the integration tests share: the program, a store of their own, broken models, and the count at the end."""
import contextlib
import http.client
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
PROGRAM = os.environ.get("IA_PROGRAM", f"{SOURCE}/build/release/bin/ipfs-accelerate")
FIXTURES = f"{SOURCE}/tests/fixtures"
NUMBERS = f"{SOURCE}/zoo/numbers-bert"
WRITER = f"{SOURCE}/zoo/numbers-gpt2"
TRANSLATOR = f"{SOURCE}/zoo/numbers-t5"
CLASSIFIER = f"{SOURCE}/zoo/numbers-bert-classifier"


class Store:
    """A store in a temporary folder, and the program that works on it."""

    def __init__(self, folder):
        self.folder = folder
        self.home = f"{folder}/home"

    def run(self, *words, stdin=None, timeout=120):
        environment = dict(os.environ, IPFS_ACCELERATE_HOME=self.home)
        data = stdin.encode() if isinstance(stdin, str) else stdin
        options = {"input": data} if data is not None else {"stdin": subprocess.DEVNULL}
        return subprocess.run([PROGRAM, *words], capture_output=True, env=environment, timeout=timeout, **options)

    def start(self, *words, **options):
        """A command under way, which Ctrl-C reaches also where this test itself runs in the background."""
        environment = dict(os.environ, IPFS_ACCELERATE_HOME=self.home)
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen([PROGRAM, *words], env=environment, **pipes,
                                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def ok(self, *words, stdin=None):
        """Standard output of a command that must succeed."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 0, f"{words} ended with {done.returncode}: {done.stderr.decode(errors='replace')}"
        return done.stdout.decode()

    def json(self, *words, stdin=None):
        return json.loads(self.ok(*words, "--json", stdin=stdin))

    def fails(self, code, exit_code, *words, stdin=None, says=""):
        """A command that must fail with this error code, as text and as JSON, and print no result."""
        done = self.run(*words, stdin=stdin)
        text = done.stderr.decode(errors="replace")
        assert f"error[{code}]: " in text, f"{words}: wanted error[{code}], got exit {done.returncode}: {text}"
        assert done.returncode == exit_code, f"{words}: wanted exit {exit_code}, got {done.returncode}: {text}"
        assert says in text, f"{words}: wanted {says!r} in {text}"
        error = json.loads(self.run(*words, "--json", stdin=stdin).stderr.decode().strip().splitlines()[-1])["error"]
        assert error["code"] == code and error["message"], error
        return text

    @contextlib.contextmanager
    def serve(self, *words):
        """A running server; gives its port. It must end cleanly on Ctrl-C."""
        environment = dict(os.environ, IPFS_ACCELERATE_HOME=self.home)
        process = subprocess.Popen([PROGRAM, "serve", "--port", "0", "--json", *words], stdout=subprocess.PIPE, env=environment)
        try:
            url = json.loads(process.stdout.readline())["url"]
            yield int(url.rsplit(":", 1)[1].rstrip("/"))
            assert process.poll() is None, "the server died"
        finally:
            process.send_signal(signal.SIGINT)
            try:
                code = process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                raise AssertionError("the server did not end on Ctrl-C")
        assert code == 0, f"the server ended with {code}"


def wait_until(true, seconds=60):
    deadline = time.time() + seconds
    while not true():
        assert time.time() < deadline, "it did not come to that"
        time.sleep(0.01)


def get(port, path, method="GET", headers=None, host=None):
    """(status, headers with lower-case names, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, headers=dict(headers or {}, Host=host or f"localhost:{port}"))
    answer = connection.getresponse()
    result = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    connection.close()
    return result


def read_safetensors(path):
    """(header, bytes after it)."""
    data = open(path, "rb").read()
    length = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8:8 + length]), bytearray(data[8 + length:])


def read_rows(path, name):
    """A tensor of float32 as rows of its last dimension."""
    header, body = read_safetensors(path)
    begin, end = header[name]["data_offsets"]
    columns = header[name]["shape"][-1]
    numbers = struct.unpack(f"<{(end - begin) // 4}f", body[begin:end])
    return [numbers[at:at + columns] for at in range(0, len(numbers), columns)]


def write_safetensors(path, header, body):
    text = json.dumps(header).encode()
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + bytes(body))


def copy_model(source, target):
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("eval", "golden.*"))
    return target


def edit_json(path, change):
    value = json.load(open(path))
    change(value)
    json.dump(value, open(path, "w"))


def main(tests):
    """Runs every function named test_*, each with a fresh store; prints what failed and the count."""
    only = sys.argv[1:]
    passed = failed = 0
    for name, test in list(tests.items()):
        if not name.startswith("test_") or (only and name not in only):
            continue
        started = time.time()
        with tempfile.TemporaryDirectory(prefix="ia-test-") as folder:
            try:
                test(Store(folder))
                passed += 1
                print(f"ok   {name} ({time.time() - started:.1f} s)", flush=True)
            except Exception:
                failed += 1
                print(f"FAIL {name}\n{traceback.format_exc()}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)
