"""Where a build's time went, from Ninja's logs: totals per preset and folder, and the slowest steps (./dev build --times)."""
import collections
import json
import os
import re
import sys

SLOWEST = 15


def steps(log):
    """{output: seconds} of every step's latest run; a step of several outputs counts once."""
    seen = {}
    for line in open(log):
        fields = line.rstrip("\n").split("\t")
        if len(fields) == 5:
            start, end, _, output, command = fields
            seen[start, end, command] = output, (int(end) - int(start)) / 1000
    return dict(seen.values())


def folder(output):
    """The source folder of an object; `link`, `headers` (precompiled) or `made` for the rest."""
    match = re.search(r"\.dir/(.*)/[^/]+\.o$", output)
    if match:
        return match[1]
    return "headers" if output.endswith(".pch") else "link" if re.search(r"\.a$|^bin/|/bin/", output) else "made"


def main():
    build, as_json = sys.argv[1], "--json" in sys.argv[2:]
    presets = {p: f"{build}/{p}/.ninja_log" for p in ("release", "asan", "wasm") if os.path.exists(f"{build}/{p}/.ninja_log")}
    rows = []
    for preset, log in presets.items():
        times = steps(log)
        folders = collections.Counter()
        for output, seconds in times.items():
            folders[folder(output)] += seconds
        slowest = sorted(times.items(), key=lambda item: -item[1])[:SLOWEST]
        rows.append({"preset": preset, "cpu_minutes": round(sum(times.values()) / 60, 2), "steps": len(times),
                     "folders": {name: round(seconds, 1) for name, seconds in folders.most_common()},
                     "slowest": [{"output": output, "seconds": round(seconds, 1)} for output, seconds in slowest]})
    if as_json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(f"{row['preset']}: {row['cpu_minutes']:.1f} CPU minutes in {row['steps']} steps (seconds while other steps ran beside them)")
        for name, seconds in row["folders"].items():
            print(f"  {seconds:7.1f}  {name}")
        print("  slowest")
        for step in row["slowest"]:
            print(f"  {step['seconds']:7.1f}  {step['output']}")
    print(f"all: {sum(row['cpu_minutes'] for row in rows):.1f} CPU minutes")


main()
