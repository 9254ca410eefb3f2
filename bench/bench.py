"""Runs the benchmarks and prints rows: ours against a peer on the same work in the same run (./dev bench)."""
import argparse
import json
import os
import subprocess
import sys

SOURCE = os.environ["IA_SOURCE"]
BIN = f"{SOURCE}/build/release/bin"
WORK = f"{SOURCE}/build/bench"
MODEL = f"{WORK}/minilm"


def rows_of(command, **options):
    """Every JSON line a program prints is a row; its stderr is shown when it fails (onnxruntime's library is talkative)."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def make_model():
    subprocess.run(["python3", f"{SOURCE}/bench/make_minilm.py", MODEL], check=True)


def encoder():
    """Native CPU against onnxruntime, one thread and all."""
    make_model()
    for threads in sorted({1, os.cpu_count()}):
        yield from rows_of([f"{BIN}/bench_encoder", MODEL, str(threads)])


def content():
    """Adding and hashing against the machine's sha2-256 rate."""
    yield from rows_of([f"{BIN}/bench_content", f"{WORK}/content"])


def first():
    """First result of a new process from a cached model, against onnxruntime opening its file."""
    make_model()
    yield from rows_of(["python3", f"{SOURCE}/bench/first.py", MODEL])


def web():
    """WASM and WebNN in Chromium against onnxruntime-web."""
    make_model()
    if not os.path.isdir(f"{SOURCE}/web/bench/node_modules"):
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=f"{SOURCE}/web/bench", check=True, stdout=sys.stderr)
    yield from rows_of(["node", f"{SOURCE}/web/bench/bench.mjs", MODEL])


def webgpu():
    """The encoder's recorded plan on this machine's GPU, with the share of its floor; a software adapter has no row."""
    device = {}
    for line in rows_of([f"{BIN}/bench_webgpu", "--shapes", "1x16", "--precision", "32", "--runs", "1"]):
        device = {**line, **device}
    if not device.get("real"):
        print(f"bench: webgpu: {device.get('device')} is a software adapter; its speed says nothing", file=sys.stderr)
        return
    for line in rows_of([f"{BIN}/bench_webgpu", "--shapes", "1x128,8x128,64x128", "--precision", "16,32", "--runs", "200"]):
        if "ms" in line:
            yield {"name": f"{line['name']} on {device['device']}", "ours": line["ms"], "peer": None, "unit": "ms", "ratio": None,
                   "share_of_floor": line["floor_ms"] / line["ms"], "floor": "operations, dispatches and one round trip"}


def quality():
    """Task metrics of the shipped models on the CPU beside the reference's."""
    zoo = ["python3", f"{SOURCE}/tools/golden.py", f"{SOURCE}/zoo", "--only", "numbers-bert,numbers-bert-classifier"]
    for line in rows_of([*zoo, "--json"]):
        yield {"name": f"{line['model']} {line['metric']}", "ours": line["value"], "peer": line["reference"], "unit": "",
               "peer_name": "reference", "ratio": line["value"] / line["reference"], "share_of_floor": None, "floor": None}


GROUPS = {"encoder": encoder, "content": content, "first": first, "web": web, "webgpu": webgpu, "quality": quality}


def text(row):
    number = lambda key, form: form.format(row[key]) if row.get(key) is not None else "-"
    floor = f"{row['share_of_floor'] * 100:.0f} % of {row['floor']}" if row.get("share_of_floor") is not None else "-"
    return (f"{row['name']:<44} ours {number('ours', '{:.3f}'):>9} {row.get('unit', ''):<5} peer {number('peer', '{:.3f}'):>9} "
            f"({row.get('peer_name', '-')})  ratio {number('ratio', '{:.2f}')}  {floor}")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description="ratio = how many times as fast as the peer")
    parser.add_argument("--only", default="", help=f"groups, comma-separated: {', '.join(GROUPS)}")
    parser.add_argument("--json", action="store_true", help='one JSON object {"rows": [...]} on stdout')
    options = parser.parse_args()
    chosen = [g for g in options.only.split(",") if g] or list(GROUPS)
    unknown = set(chosen) - set(GROUPS)
    if unknown:
        print(f"dev bench: no group {', '.join(sorted(unknown))}; the groups are {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    os.makedirs(WORK, exist_ok=True)
    rows, failed = [], []
    for name in chosen:
        print(f"bench: {name}: {GROUPS[name].__doc__}", file=sys.stderr, flush=True)
        try:
            for row in GROUPS[name]():
                row = {"group": name, **row}
                rows.append(row)
                print(text(row), file=sys.stderr if options.json else sys.stdout, flush=True)
        except (RuntimeError, OSError) as problem:
            failed.append(name)
            print(f"bench: {name} failed: {problem}", file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps({"rows": rows, "failed": failed}))
    return 1 if failed else 0


sys.exit(main())
