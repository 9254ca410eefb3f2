"""`serve`: the gateway as its specification says, the page's isolation, and hostile clients."""
import hashlib
import json
import os
import socket
import threading
import time

from harness import NUMBERS, get, main


def cbor_cid(data):
    """The CID inside a CAR header with one root (tag 42, byte string, leading zero)."""
    at = data.index(b"\xd8\x2a\x58") + 3
    return data[at + 2:at + 1 + data[at]]


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def car_blocks(data):
    """(root CID bytes, [(CID bytes, block)]), each block checked against its sha2-256 CID."""
    length, at = varint(data, 0)
    root = cbor_cid(data[at:at + length])
    at += length
    blocks = []
    while at < len(data):
        length, at = varint(data, at)
        section = data[at:at + length]
        assert len(section) == length, "the CAR is cut short"
        at += length
        cid = section[:34] if section[0] == 0x12 else section[:36]
        assert hashlib.sha256(section[len(cid):]).digest() == cid[-32:], "a block does not match its CID"
        blocks.append((cid, section[len(cid):]))
    return root, blocks


def tree(store):
    folder = f"{store.folder}/tree"
    os.makedirs(f"{folder}/sub")
    open(f"{folder}/hello.txt", "w").write("hello")
    open(f"{folder}/sub/big.bin", "wb").write(bytes(range(250)) * 14000)  # 3.5 MB: four chunks
    open(f"{folder}/sub/twin.bin", "wb").write(bytes(range(250)) * 14000)
    return store.json("add", folder, "--name", "tree")["cid"]


def test_raw_blocks_and_headers(store):
    cid = tree(store)
    with store.serve() as port:
        status, headers, body = get(port, f"/ipfs/{cid}/hello.txt?format=raw")
        assert (status, body) == (200, b"hello")
        leaf = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"
        assert headers["content-type"] == "application/vnd.ipld.raw"
        assert headers["etag"] == f'"{leaf}.raw"' and headers["x-ipfs-roots"] == f"{cid},{leaf}"
        assert headers["cache-control"] == "public, max-age=29030400, immutable"
        assert headers["x-content-type-options"] == "nosniff" and headers["access-control-allow-origin"] == "*"
        assert headers["content-disposition"] == f'attachment; filename="{leaf}.bin"'
        assert headers["cross-origin-resource-policy"] == "cross-origin" and headers["x-ipfs-path"].startswith("/ipfs/")
        assert get(port, f"/ipfs/{leaf}", headers={"Accept": "application/vnd.ipld.raw"})[2] == b"hello"
        assert get(port, f"/ipfs/{leaf}?format=raw", headers={"If-None-Match": f'"{leaf}.raw"'})[0] == 304
        status, headers, body = get(port, f"/ipfs/{leaf}?format=raw", method="HEAD")
        assert (status, headers["content-length"], body) == (200, "5", b"")
        status, headers, body = get(port, "/ipfs/bafkqaaa?format=raw")
        assert (status, body) == (200, b""), "the probe every gateway answers"
        assert get(port, "/ipfs/bafkqaaa?format=raw", method="HEAD")[0] == 200
        assert get(port, f"/ipfs/{cid}", method="OPTIONS")[0] == 204


def test_cars_in_every_scope(store):
    cid = tree(store)
    with store.serve() as port:
        status, headers, body = get(port, f"/ipfs/{cid}?format=car")
        assert status == 200 and headers["content-type"] == "application/vnd.ipld.car; version=1; order=dfs; dups=n"
        root, blocks = car_blocks(body)
        assert blocks[0][0] == root and len(blocks) == len({cid for cid, _ in blocks}) == 2 + 1 + 1 + 4
        _, twice = car_blocks(get(port, f"/ipfs/{cid}", headers={"Accept": "application/vnd.ipld.car; dups=y"})[2])
        assert len(twice) == 2 + 1 + 2 * 5
        _, one = car_blocks(get(port, f"/ipfs/{cid}/sub/big.bin?format=car&dag-scope=block")[2])
        assert len(one) == 3, "the folders on the way, and the file's own block"
        _, entity = car_blocks(get(port, f"/ipfs/{cid}/sub?format=car&dag-scope=entity")[2])
        assert len(entity) == 2, "a folder's entity is its listing"
        _, part = car_blocks(get(port, f"/ipfs/{cid}/sub/big.bin?format=car&entity-bytes=1048576:1048577")[2])
        assert len(part) == 4 and len(part[-1][1]) == 1048576, "one of four leaves"
        _, tail = car_blocks(get(port, f"/ipfs/{cid}/sub/big.bin?format=car&entity-bytes=-1:*")[2])
        assert len(tail) == 4 and len(tail[-1][1]) == 3500000 - 3 * 1048576
        assert get(port, f"/ipfs/{cid}?format=car", method="HEAD")[2] == b""
        assert body == store.run("export", cid).stdout, "the gateway and export write the same CAR"


def test_sharded_folders(store):
    """A folder too large for one block is a HAMT: paths lead through its shards, and its listing takes all of them."""
    folder = f"{store.folder}/many"
    os.makedirs(folder)
    for number in range(5000):
        open(f"{folder}/a-rather-long-file-name-{number:06}.txt", "w").write(str(number % 7))
    cid = store.json("add", folder)["cid"]
    assert len(store.json("ls", cid)) == 5000
    with store.serve() as port:
        path = f"/ipfs/{cid}/a-rather-long-file-name-004711.txt"
        assert get(port, f"{path}?format=raw")[2] == b"0"
        root, blocks = car_blocks(get(port, f"{path}?format=car")[2])
        assert 3 <= len(blocks) <= 6 and blocks[-1] == (root, b"0"), "the shards on the way, and the file"
        _, listing = car_blocks(get(port, f"/ipfs/{cid}?format=car&dag-scope=entity")[2])
        _, everything = car_blocks(get(port, f"/ipfs/{cid}?format=car")[2])
        assert len(listing) > 100 and len(everything) == len(listing) + 7
        assert get(port, f"/ipfs/{cid}/absent.txt?format=raw")[0] == 404


def test_errors(store):
    cid = tree(store)
    absent = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
    with store.serve() as port:
        for path, status in [(f"/ipfs/{absent}?format=raw", 404), (f"/ipfs/{cid}/nothing?format=raw", 404),
                             (f"/ipfs/{cid}/hello.txt/below?format=raw", 404), ("/ipfs/nonsense?format=raw", 400),
                             (f"/ipfs/{cid}", 406), (f"/ipfs/{cid}?format=tar", 400), (f"/ipfs/{cid}?format=car&dag-scope=some", 400),
                             (f"/ipfs/{cid}?format=car&entity-bytes=x:y", 400), (f"/ipfs/{cid}?format=car&car-version=2", 400),
                             (f"/ipfs/{cid}?format=car&entity-bytes=9:3", 400), ("/nothing", 404), ("/%zz", 400), ("/%00", 400)]:
            got, headers, body = get(port, path)
            assert got == status, f"{path}: {got} {body}"
            assert json.loads(body)["error"]["message"], path
        assert get(port, f"/ipfs/{absent}?format=raw", headers={"Cache-Control": "only-if-cached"})[0] == 412
        assert get(port, "/", method="POST")[0] == 405


def test_host_and_origin(store):
    cid = tree(store)
    with store.serve("--host", "models.example") as port:
        for host, status in [("evil.example", 403), ("evil.example:80", 403), ("127.0.0.1", 200), (f"127.0.0.1:{port}", 200),
                             ("LocalHost", 200), (f"[::1]:{port}", 200), ("models.example", 200), ("localhost.evil.example", 403)]:
            assert get(port, f"/ipfs/{cid}?format=raw", host=host)[0] == status, host
        for origin, status in [("http://evil.example", 403), (f"http://localhost:{port}", 200), ("null", 403)]:
            assert get(port, "/api/models", headers={"Origin": origin})[0] == status, origin
        assert get(port, f"/ipfs/{cid}?format=raw", headers={"Origin": "http://evil.example"})[0] == 200, "the gateway is for all"
        assert get(port, "/api/models", headers={"Sec-Fetch-Site": "cross-site"})[0] == 403


def test_models(store):
    cid = store.json("add", NUMBERS, "--reference", "--name", "numbers-bert")["cid"]
    with store.serve() as port:
        models = json.loads(get(port, "/api/models")[2])["models"]
        assert models == [{"name": "numbers-bert", "cid": cid, "task": "feature-extraction", "answer_kind": "embedding",
                           "takes": ["text", "pair"], "architecture": "bert"}]


def test_page_is_isolated_and_its_folder_is_a_wall(store):
    web = f"{store.folder}/web"
    os.makedirs(f"{web}/assets")
    open(f"{web}/index.html", "w").write("<!doctype html>page")
    open(f"{web}/assets/engine.wasm", "wb").write(b"\0asm")
    open(f"{web}/.hidden", "w").write("secret")
    open(f"{store.folder}/secret.txt", "w").write("secret")
    os.symlink(f"{store.folder}/secret.txt", f"{web}/link.txt")
    with store.serve("--web", web) as port:
        status, headers, body = get(port, "/")
        assert status == 200 and body == b"<!doctype html>page" and headers["content-type"].startswith("text/html")
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-embedder-policy"] == "require-corp"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert get(port, "/assets/engine.wasm")[1]["content-type"] == "application/wasm"
        assert get(port, "/", headers={"If-None-Match": headers["etag"]})[0] == 304
        for path in ["/../secret.txt", "/%2e%2e/secret.txt", "/assets/../../secret.txt", "/..%2fsecret.txt", "/link.txt", "/.hidden",
                     "//etc/passwd", "/assets", "/%5c..%5csecret.txt", "/assets/%2e%2e%2f%2e%2e%2fsecret.txt"]:
            status, _, body = get(port, path)
            assert status == 404 and b"secret" not in body.replace(b"secret.txt", b""), (path, status, body)


def exchange(port, data, wait=5.0):
    """What the server says to raw bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except (TimeoutError, ConnectionResetError):
            pass
        return received


def test_hostile_clients(store):
    cid = tree(store)
    with store.serve() as port:
        huge = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"
        assert exchange(port, huge).startswith(b"HTTP/1.1 431")
        body = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n"
        assert exchange(port, body).startswith(b"HTTP/1.1 413")
        assert exchange(port, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400"), "no Host"
        assert exchange(port, b"\x16\x03\x01\x02\x00\x01\x00\x01" * 50).startswith(b"HTTP/1.1 400")
        exchange(port, b"GET /ipfs/" + b"a" * 8000 + b"?format=raw HTTP/1.1\r\nHost: localhost\r\n\r\n")
        exchange(port, b"")
        old = exchange(port, f"GET /ipfs/{cid}?format=car HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        assert car_blocks(old.split(b"\r\n\r\n", 1)[1])[1], "HTTP/1.0 has no chunks"
        two = exchange(port, b"GET /api/models HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2)
        assert two.count(b"HTTP/1.1 200") == 2, "requests one after the other on one connection"
        assert get(port, f"/ipfs/{cid}?format=raw")[0] == 200, "the server still serves"


def test_slow_clients_and_crowds_do_not_block_others(store):
    cid = tree(store)
    with store.serve() as port:
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]
        for number, connection in enumerate(idle):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: loc"[:number % 26])
        reader = socket.create_connection(("127.0.0.1", port))  # asks for megabytes and never reads
        reader.sendall(f"GET /ipfs/{cid}?format=car HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        started = time.time()
        results = []
        threads = [threading.Thread(target=lambda: results.append(get(port, f"/ipfs/{cid}?format=car")[0])) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [200] * 8 and time.time() - started < 10
        for connection in idle + [reader]:
            connection.close()


def test_connections_are_limited(store):
    tree(store)
    with store.serve() as port:
        many = [socket.create_connection(("127.0.0.1", port)) for _ in range(256)]
        time.sleep(0.2)
        extra = socket.create_connection(("127.0.0.1", port), timeout=5)
        assert extra.recv(1) == b"", "the connection past the limit is closed"
        for connection in many:
            connection.close()
        time.sleep(0.2)
        assert get(port, "/api/models")[0] == 200


def test_what_is_added_meanwhile_is_served(store):
    with store.serve() as port:
        cid = tree(store)
        deadline = time.time() + 5
        while get(port, f"/ipfs/{cid}?format=raw")[0] != 200:
            assert time.time() < deadline, "content added while serving never appeared"
            time.sleep(0.1)
        assert json.loads(get(port, "/api/models")[2])["models"][0]["name"] == "tree"


def test_a_taken_port_is_an_error(store):
    with store.serve() as port:
        other = type(store)(f"{store.folder}/other")
        other.fails("io", 3, "serve", "--port", str(port))
    store.fails("invalid_argument", 2, "serve", "--address", "nowhere")


if __name__ == "__main__":
    main(globals())
