"""Models from a gateway: only what is needed is fetched, and gateways that lie, stall or lack it give clear errors."""
import contextlib
import http.server
import os
import signal
import threading
import time
import urllib.error
import urllib.request

from harness import NUMBERS, main, wait_until


@contextlib.contextmanager
def proxy(upstream, spoil):
    """A gateway in front of `upstream`; spoil(path, bytes) changes what it sends, None stalls."""
    class Handler(http.server.BaseHTTPRequestHandler):
        asked = []

        def do_GET(self):
            Handler.asked.append(self.path)
            request = urllib.request.Request(f"http://127.0.0.1:{upstream}{self.path}",
                                             headers={"Accept": self.headers.get("Accept", "*/*")})
            try:
                with urllib.request.urlopen(request) as answer:
                    status, body = answer.status, answer.read()
            except urllib.error.HTTPError as error:
                status, body = error.code, error.read()
            body = spoil(self.path, body)
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.ipld.raw")
            self.send_header("Content-Length", str(len(body) if body is not None else 1000))
            self.end_headers()
            if body is None:
                stop.wait(120)
                return
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    stop = threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1], Handler.asked
    finally:
        stop.set()
        server.shutdown()
        thread.join()
        server.server_close()


def publisher(store):
    """Another store with the model in it."""
    other = type(store)(f"{store.folder}/publisher")
    cid = other.json("add", NUMBERS, "--reference", "--name", "numbers-bert")["cid"]
    return other, cid


def test_a_model_comes_from_a_gateway_once(store):
    other, cid = publisher(store)
    expected = other.json("run", cid, "42", "--platform", "cpu")["output"]
    with other.serve() as port:
        first = store.json("run", cid, "42", "--platform", "cpu", "--gateway", f"http://127.0.0.1:{port}", "--local-gateways")
    assert first["ipfs_source"] == "ipfs" and first["ipfs_cache_hit"] is False and first["output"] == expected
    again = store.json("run", cid, "42", "--platform", "cpu")
    assert again["ipfs_source"] == "cache" and again["ipfs_cache_hit"] is True and again["output"] == expected


def test_only_what_a_run_needs_is_fetched(store):
    other, cid = publisher(store)
    with other.serve() as port:
        store.json("run", cid, "42", "--platform", "cpu", "--gateway", f"http://127.0.0.1:{port}", "--local-gateways")
    assert store.run("cat", f"{cid}/golden.safetensors").returncode != 0, "golden.safetensors is not needed to run"
    assert '"model_type"' in store.ok("cat", f"{cid}/config.json")


def test_no_source(store):
    _, cid = publisher(store)
    store.fails("no_source", 4, "run", cid, "42", says="gateway")


def test_local_gateways_need_permission(store):
    other, cid = publisher(store)
    with other.serve() as port:
        store.fails("forbidden_address", 4, "run", cid, "42", "--gateway", f"http://127.0.0.1:{port}")
    store.fails("invalid_argument", 2, "run", cid, "42", "--gateway", "gopher://example")


def test_an_unreachable_gateway(store):
    _, cid = publisher(store)
    store.fails("unreachable", 4, "run", cid, "42", "--gateway", "http://127.0.0.1:9", "--local-gateways")


def test_a_gateway_that_lacks_it(store):
    _, cid = publisher(store)
    empty = type(store)(f"{store.folder}/empty")
    with empty.serve() as port:
        done = store.run("run", cid, "42", "--gateway", f"http://127.0.0.1:{port}", "--local-gateways")
    assert done.returncode in (3, 4) and b"error[" in done.stderr, done.stderr


def test_a_gateway_that_lies_is_found_out(store):
    other, cid = publisher(store)

    def flip(_, body):
        return body[:-1] + bytes([body[-1] ^ 1]) if len(body) > 100_000 else body

    with other.serve() as port, proxy(port, flip) as (liar, _):
        store.fails("source_lied", 4, "run", cid, "42", "--gateway", f"http://127.0.0.1:{liar}", "--local-gateways")
        # With an honest gateway behind it the run succeeds, and what was fetched honestly is not fetched again.
        result = store.json("run", cid, "42", "--platform", "cpu", "--gateway", f"http://127.0.0.1:{liar}",
                            "--gateway", f"http://127.0.0.1:{port}", "--local-gateways")
    assert result["ipfs_source"] == "ipfs" and len(result["output"][0]) == 128


def test_a_gateway_that_sends_too_much(store):
    other, cid = publisher(store)
    with other.serve() as port, proxy(port, lambda _, body: body + b"\0" * (3 << 20)) as (flood, _):
        done = store.run("run", cid, "42", "--gateway", f"http://127.0.0.1:{flood}", "--local-gateways")
    assert done.returncode in (3, 4) and b"error[" in done.stderr, done.stderr


def test_a_gateway_that_stalls(store):
    other, cid = publisher(store)
    with other.serve() as port, proxy(port, lambda _, body: body if len(body) < 100_000 else None) as (stuck, _):
        started = time.time()
        done = store.run("run", cid, "42", "--gateway", f"http://127.0.0.1:{stuck}", "--local-gateways", "--gateway-timeout", "1")
        assert done.returncode == 4 and b"error[timeout]" in done.stderr and time.time() - started < 20, done.stderr
        result = store.json("run", cid, "42", "--platform", "cpu", "--gateway", f"http://127.0.0.1:{stuck}",
                            "--gateway", f"http://127.0.0.1:{port}", "--local-gateways", "--gateway-timeout", "1")
        assert result["ipfs_source"] == "ipfs"


def test_a_stopped_fetch_loses_nothing(store):
    other, cid = publisher(store)
    with other.serve() as port, proxy(port, lambda path, body: body if len(body) < 100_000 else b"") as (poor, _):
        assert store.run("run", cid, "42", "--gateway", f"http://127.0.0.1:{poor}", "--local-gateways").returncode != 0
    with other.serve() as port, proxy(port, lambda _, body: body) as (whole, asked):
        store.json("run", cid, "42", "--platform", "cpu", "--gateway", f"http://127.0.0.1:{whole}", "--local-gateways")
        config = next(entry["cid"] for entry in other.json("ls", cid) if entry["name"] == "config.json")
    assert not any(config in path for path in asked), "config.json was there already"


def test_ctrl_c_keeps_what_came(store):
    other, cid = publisher(store)
    stalled = []

    def spoil(path, body):
        if len(body) < 100_000:
            return body
        stalled.append(path)
        return None

    with other.serve() as port, proxy(port, spoil) as (stuck, _):
        gateway = ("--gateway", f"http://127.0.0.1:{stuck}", "--local-gateways")
        for words in (("run", cid, "42", "--platform", "cpu"), ("get", cid, f"{store.folder}/out"), ("pin", cid)):
            stalled.clear()
            with store.start(*words, *gateway) as process:
                wait_until(lambda: stalled)
                process.send_signal(signal.SIGINT)
                text = process.communicate(timeout=20)[1].decode()
            assert process.returncode == 130, f"{words}: {process.returncode}: {text}"
            assert text.count("\n") == 1 and text.startswith("error[cancelled]: interrupted"), text
            assert not os.path.exists(f"{store.folder}/out")
    config = next(entry["cid"] for entry in other.json("ls", cid) if entry["name"] == "config.json")
    with other.serve() as port, proxy(port, lambda _, body: body) as (whole, asked):
        store.ok("pin", cid, "--gateway", f"http://127.0.0.1:{whole}", "--local-gateways")
    assert not any(config in path or cid in path for path in asked), "what came before Ctrl-C was kept"
    assert store.json("verify", cid)["damage"] == []


def test_cat_and_pin_fetch(store):
    other, cid = publisher(store)
    with other.serve() as port:
        gateway = ("--gateway", f"http://127.0.0.1:{port}", "--local-gateways")
        assert '"vocab_size"' in store.ok("cat", f"{cid}/config.json", *gateway)
        assert len(store.json("ls", cid, *gateway)) >= 10
        assert store.json("pin", cid, *gateway)["pin"] == cid
    assert store.json("verify", f"{cid}/config.json")["damage"] == []


if __name__ == "__main__":
    main(globals())
