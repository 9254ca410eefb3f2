"""Time from starting a process to its first embedding, model already local: ours verifies every byte it reads, the peer none."""
import json
import os
import statistics
import subprocess
import sys
import time

BIN = os.environ["IA_SOURCE"] + "/build/release/bin"
model = sys.argv[1]
home = os.path.dirname(model) + "/first-home"
environment = {**os.environ, "IPFS_ACCELERATE_HOME": home}


def timed(command):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - start


cid = subprocess.run([f"{BIN}/ipfs-accelerate", "add", "--quiet", model], check=True, capture_output=True, text=True, env=environment).stdout.strip()
ours = [f"{BIN}/ipfs-accelerate", "run", cid, "w1 w2 w3 w4 w5 w6", "--platform", "cpu", "--json"]
peer = [f"{BIN}/bench_first_peer", f"{model}/model.onnx"]
timed(ours), timed(peer)  # both files into the page cache
pairs = [(timed(ours), timed(peer)) for _ in range(7)]
mine, theirs = (statistics.median(column) for column in zip(*pairs))
print(json.dumps({"name": "first result from cache, whole process", "ours": mine * 1e3, "peer": theirs * 1e3, "unit": "ms",
                  "peer_name": "onnxruntime, unverified file", "ratio": theirs / mine, "share_of_floor": None, "floor": None}))
