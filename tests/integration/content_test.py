"""The content commands end to end: folders in, the same bytes out, and damage found."""
import glob
import json
import os
import shutil
import signal

from harness import NUMBERS, PROGRAM, main, wait_until

# What `ipfs add -r --cid-version=1 --chunker=size-1048576` and the IPIP-499 profile give for these bytes.
HELLO_RAW = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"  # sha2-256 of "hello", raw
BIG = b"".join(number.to_bytes(4, "big") for number in range(768_000))  # three chunks of 1 MiB, no two alike


def small_folder(store):
    folder = f"{store.folder}/tree"
    os.makedirs(f"{folder}/sub/empty")
    open(f"{folder}/hello.txt", "w").write("hello")
    open(f"{folder}/sub/big.bin", "wb").write(BIG)
    open(f"{folder}/sub/nothing", "w").close()
    return folder


def test_add_prints_the_cid_and_cat_gives_the_bytes(store):
    folder = small_folder(store)
    assert store.ok("add", "--quiet", f"{folder}/hello.txt") == HELLO_RAW + "\n"
    report = store.json("add", folder, "--name", "tree")
    assert report["files"] == 3 and report["bytes"] == 5 + len(BIG), report
    assert store.ok("cat", f"{report['cid']}/hello.txt") == "hello"
    assert store.ok("cat", "tree/hello.txt") == "hello"
    assert store.ok("cat", f"/ipfs/{report['cid']}/hello.txt") == "hello"
    assert store.ok("cat", f"ipfs://{report['cid']}/sub/nothing") == ""
    big = store.run("cat", "tree/sub/big.bin").stdout
    assert big == BIG


def pending(process):
    """Whether a signal waits to be taken."""
    lines = open(f"/proc/{process.pid}/status").read().splitlines()
    return any(int(line.split()[1], 16) for line in lines if line.startswith(("ShdPnd", "SigPnd")))


def test_ctrl_c_while_adding(store):
    with open(f"{store.folder}/large", "wb") as file:
        file.truncate(8 << 30)  # sparse: read and hashed all the same
    with store.start("add", f"{store.folder}/large", "--reference", "--progress") as process:
        assert process.stderr.read(1)
        process.send_signal(signal.SIGINT)
        text = process.communicate(timeout=20)[1].decode()
    assert process.returncode == 130 and "error[cancelled]: interrupted" in text, text
    stat = store.json("stat")
    assert stat["files"] == 0 and stat["pins"] == 0, stat
    assert os.listdir(f"{store.home}/store/tmp") == []


def test_a_second_ctrl_c_kills(store):
    cid = store.json("add", small_folder(store))["cid"]
    with store.start("cat", f"{cid}/sub/big.bin") as process:  # nobody reads on, so the first cannot end it
        assert process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        wait_until(lambda: not pending(process))
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT


def test_ls_names_types_and_sizes(store):
    cid = store.json("add", small_folder(store))["cid"]
    entries = {entry["name"]: entry for entry in store.json("ls", cid)}
    assert set(entries) == {"hello.txt", "sub"}
    assert entries["hello.txt"] == {"name": "hello.txt", "cid": HELLO_RAW, "type": "file", "size": 5}
    assert entries["sub"]["type"] == "directory"
    assert [entry["size"] for entry in store.json("ls", f"{cid}/sub") if entry["name"] == "big.bin"] == [len(BIG)]
    assert "hello.txt" in store.ok("ls", cid)


def test_get_writes_the_same_tree(store):
    folder = small_folder(store)
    cid = store.json("add", folder)["cid"]
    store.ok("get", cid, f"{store.folder}/out")
    assert open(f"{store.folder}/out/sub/big.bin", "rb").read() == open(f"{folder}/sub/big.bin", "rb").read()
    assert os.path.isdir(f"{store.folder}/out/sub/empty")
    assert store.json("add", f"{store.folder}/out")["cid"] == cid
    assert store.run("get", cid, f"{store.folder}/out").returncode != 0, "get must not write over what exists"


def test_reference_keeps_no_copy_and_notices_changes(store):
    folder = small_folder(store)
    cid = store.json("add", folder, "--reference")["cid"]
    stat = store.json("stat")
    assert stat["referenced_bytes"] >= len(BIG) and stat["disk_bytes"] < 1 << 20, stat
    assert len(store.run("cat", f"{cid}/sub/big.bin").stdout) == len(BIG)
    with open(f"{folder}/sub/big.bin", "r+b") as file:
        file.seek(2_000_000)
        file.write(b"changed")
    text = store.fails("integrity", 3, "cat", f"{cid}/sub/big.bin")
    assert "big.bin" in text and "bafkrei" in text, text


def hub_cache(store, model):
    """The model as a hub keeps it: a snapshot folder of links to blobs."""
    snapshot, blobs = f"{store.folder}/models--x/snapshots/0123", f"{store.folder}/models--x/blobs"
    os.makedirs(blobs)
    for folder, _, files in os.walk(model):
        inside = os.path.normpath(f"{snapshot}/{os.path.relpath(folder, model)}")
        os.makedirs(inside)
        for name in files:
            blob = f"{blobs}/{len(os.listdir(blobs))}"
            shutil.copy(f"{folder}/{name}", blob)
            os.symlink(os.path.relpath(blob, inside), f"{inside}/{name}")
    return snapshot


def test_links_are_followed_when_asked_for(store):
    snapshot = hub_cache(store, NUMBERS)
    cid = store.json("add", NUMBERS)["cid"]
    assert store.json("add", snapshot, "--dereference")["cid"] == cid
    assert store.json("add", snapshot, "--dereference", "--reference")["cid"] == cid
    assert store.json("add", snapshot)["cid"] != cid, "links stay links"
    os.symlink("../nowhere", f"{snapshot}/more.json")
    store.fails("not_found", 3, "add", snapshot, "--dereference", says="more.json")
    os.remove(f"{snapshot}/more.json")
    os.symlink("..", f"{snapshot}/loop")
    store.fails("invalid_argument", 2, "add", snapshot, "--dereference", says="loop")


def test_a_hubs_cache_folder_runs(store):
    snapshot = hub_cache(store, NUMBERS)
    done = store.json("run", snapshot, "seven", "--platform", "cpu")
    assert done["cid"] == store.json("run", NUMBERS, "seven", "--platform", "cpu")["cid"]
    assert store.json("stat")["referenced_bytes"] > 0
    assert store.json("run", snapshot, "seven", "--platform", "cpu")["output"] == done["output"]


def test_pins_rm_and_gc(store):
    cid = store.json("add", small_folder(store), "--name", "tree")["cid"]
    assert store.json("pins") == [cid]
    assert store.json("unpin", cid) == {"unpin": cid}
    assert store.json("pins") == []
    store.ok("pin", "tree")
    assert store.json("gc")["bytes"] == 0
    assert store.json("rm", "tree")["bytes"] >= len(BIG)
    assert store.run("cat", f"{cid}/hello.txt").returncode == 3
    store.fails("not_found", 3, "cat", "tree/hello.txt")


def test_a_name_goes_also_when_its_content_is_gone(store):
    cid = store.json("add", small_folder(store), "--name", "tree")["cid"]
    store.ok("unpin", "tree")
    store.ok("gc")
    assert store.json("rm", "tree") == {"files": 0, "blocks": 0, "bytes": 0}
    assert store.json("models") == []
    store.fails("not_found", 3, "rm", cid)


def test_a_full_disk_behind_standard_output_is_told(store):
    store.ok("add", small_folder(store), "--name", "tree")
    for command in (("ls", "tree"), ("stat",)):
        with open("/dev/full", "w") as full:
            process = store.start(*command, stdout=full)
            said = process.communicate(timeout=60)[1].decode()
        assert process.returncode == 3 and "error[io]" in said, said


def test_export_and_import_a_car(store):
    cid = store.json("add", small_folder(store))["cid"]
    store.ok("export", cid, "-o", f"{store.folder}/tree.car")
    other = type(store)(f"{store.folder}/other")
    assert other.json("import", f"{store.folder}/tree.car") == {"roots": [cid]}
    assert other.ok("cat", f"{cid}/hello.txt") == "hello"
    assert other.json("verify", cid)["damage"] == []
    data = bytearray(open(f"{store.folder}/tree.car", "rb").read())
    data[-1000] ^= 1
    open(f"{store.folder}/bad.car", "wb").write(data)
    third = type(store)(f"{store.folder}/third")
    third.fails("integrity", 3, "import", f"{store.folder}/bad.car")


def test_a_flipped_byte_is_found_and_named(store):
    cid = store.json("add", small_folder(store))["cid"]
    assert store.json("verify")["damage"] == []
    flipped = 0
    for path in glob.glob(f"{store.home}/store/**/*", recursive=True):
        if os.path.isfile(path) and os.path.getsize(path) >= 3_000_000:
            with open(path, "r+b") as file:
                file.seek(1_500_000)
                byte = file.read(1)
                file.seek(1_500_000)
                file.write(bytes([byte[0] ^ 1]))
            flipped += 1
    assert flipped == 1, "the store keeps big.bin as one file"
    text = store.fails("integrity", 3, "cat", f"{cid}/sub/big.bin")
    assert "1048576" in text or "offset" in text, text
    done = store.run("verify", "--json")
    damage = json.loads(done.stdout)["damage"]
    assert done.returncode == 3 and len(damage) == 1 and damage[0]["code"] == "integrity", damage


def test_cid_tells_what_it_is(store):
    facts = store.json("cid", HELLO_RAW)
    assert facts["version"] == 1 and facts["codec"] == "raw" and facts["hash"] == "sha2-256"
    assert facts["digest"] == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert store.json("cid", facts["base58btc"])["cid"] == HELLO_RAW
    assert store.json("cid", "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn")["v0"].startswith("Qm")
    store.fails("invalid_cid", 3, "cid", "bafkreinonsense")


def test_usage_errors(store):
    store.fails("unknown_option", 2, "stat", "--nonsense")
    store.fails("invalid_argument", 2, "add")
    store.fails("not_found", 3, "add", f"{store.folder}/absent")
    store.fails("unknown_option", 2, "add", small_folder(store), "--profile", "mine")
    store.fails("invalid_argument", 2, "add", f"{store.folder}/tree", "--name", "../up")
    assert store.run("--help").returncode == 0
    assert store.ok("--version").strip()


def test_names_are_listed_with_their_task(store):
    cid = store.json("add", NUMBERS, "--reference", "--name", "numbers-bert")["cid"]
    models = store.json("models")
    assert models == [{"name": "numbers-bert", "cid": cid, "task": "feature-extraction", "architecture": "bert"}], models


if __name__ == "__main__":
    main(globals())
