"""Measures the shipped models: metric beside the reference's, and agreement with its recorded answers (./dev zoo).

A model passes in f32 when every recorded prediction comes out the same and no golden number is off by more than 1e-4;
in f16 (--precision 16) when at least 95 % of the predictions are the same and no golden number is off by more than 0.02.
"""
import argparse
import json
import math
import os
import struct
import sys

import calls

ZOO = f"{calls.SOURCE}/zoo"
GOLDEN_BOUND = {32: 1e-4, 16: 0.02}
SAME_SHARE = {32: 1.0, 16: 0.95}


def predict(name, texts, options):
    """One answer per text, by the engine on the chosen backend."""
    config = {"platform": calls.platform_of(options), "precision": options.precision, "allow_fallback": False,
              "batch_size": 64}
    call = {"method": "run", "model": f"{ZOO}/{name}", "inputs": [{"text": t} for t in texts], "config": config}
    answers = calls.answer(call, options)["output"]
    if len(answers) != len(texts):
        raise calls.Failed(f"{len(answers)} answers for {len(texts)} texts")
    return answers


def read_jsonl(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def read_golden(name, tensor):
    """(inputs, rows of one float32 tensor) of golden.json and golden.safetensors."""
    with open(f"{ZOO}/{name}/golden.json", encoding="utf-8") as file:
        inputs = json.load(file)["inputs"]
    with open(f"{ZOO}/{name}/golden.safetensors", "rb") as file:
        data = file.read()
    begin = 8 + struct.unpack_from("<Q", data)[0]
    entry = json.loads(data[8:begin])[tensor]
    rows, columns = entry["shape"]
    values = struct.unpack_from(f"<{rows * columns}f", data, begin + entry["data_offsets"][0])
    return inputs, [values[i * columns:(i + 1) * columns] for i in range(rows)]


def normalized(vector):
    length = math.sqrt(math.sumprod(vector, vector)) or 1.0
    return [v / length for v in vector]


def softmax(row):
    top = max(row)
    powers = [math.exp(v - top) for v in row]
    return [p / sum(powers) for p in powers]


def worst_difference(ours, recorded):
    return max(abs(a - b) for x, y in zip(ours, recorded, strict=True) for a, b in zip(x, y, strict=True))


def run_retrieval(name, options):
    """Words -> digits: the nearest of the embeddings of 0 .. 9999. (predictions, wanted, reference's, golden error)"""
    cases = read_jsonl(f"{ZOO}/{name}/eval/eval.jsonl")
    numbers = [str(n) for n in range(10000)]
    inputs, recorded = read_golden(name, "embedding")
    vectors = [normalized(v) for v in predict(name, inputs + [c["query"] for c in cases] + numbers, options)]
    golden, queries, candidates = vectors[:len(inputs)], vectors[len(inputs):-len(numbers)], vectors[-len(numbers):]
    found = [max(range(len(numbers)), key=lambda i: math.sumprod(q, candidates[i])) for q in queries]
    return ([numbers[i] for i in found], [c["target"] for c in cases], [c["hf"] for c in cases],
            worst_difference(golden, recorded))


def run_classifier(name, options):
    """Text -> label. (predictions, wanted, reference's, golden error of the probabilities)"""
    cases = read_jsonl(f"{ZOO}/{name}/eval/eval.jsonl")
    with open(f"{ZOO}/{name}/config.json", encoding="utf-8") as file:
        labels = json.load(file)["id2label"]
    inputs, recorded = read_golden(name, "logits")
    answers = predict(name, inputs + [c["text"] for c in cases], options)
    scores = [{a["label"]: a["score"] for a in answer} for answer in answers[:len(inputs)]]
    golden = [[s[labels[str(i)]] for i in range(len(labels))] for s in scores]
    return ([answer[0]["label"] for answer in answers[len(inputs):]], [c["label"] for c in cases],
            [c["hf"] for c in cases], worst_difference(golden, [softmax(row) for row in recorded]))


MODELS = {"numbers-bert": run_retrieval, "numbers-bert-classifier": run_classifier}


def reference_metric(name):
    """(name of the metric, its value on eval/) as metrics.json has it."""
    with open(f"{ZOO}/{name}/metrics.json", encoding="utf-8") as file:
        metrics = json.load(file)
    return metrics["metric"], next(v for k, v in metrics["eval"].items() if k != "n")


def check(name, options):
    """Prints a model's line; whether it passed."""
    metric, reference = reference_metric(name)
    try:
        predictions, wanted, recorded, error = MODELS[name](name, options)
    except calls.Failed as failure:
        print(f"{name:26} FAILED  {failure}")
        return False
    right = sum(p == w for p, w in zip(predictions, wanted, strict=True)) / len(wanted)
    same = sum(p == r for p, r in zip(predictions, recorded, strict=True))
    passed = same >= SAME_SHARE[options.precision] * len(recorded) and error <= GOLDEN_BOUND[options.precision]
    if options.json:
        print(json.dumps({"model": name, "metric": metric, "value": right, "reference": reference, "same_answers": same,
                          "answers": len(recorded), "golden_worst_error": error, "passed": passed}))
        return passed
    print(f"{name:26} {'ok    ' if passed else 'FAILED'}  {metric} {right:.4f} (reference {reference:.4f}), "
          f"same answers {same}/{len(recorded)}, golden worst error {error:.1e}")
    return passed


def parse():
    parser = argparse.ArgumentParser(prog="dev zoo", description=__doc__.split("\n")[0])
    calls.add_options(parser)
    parser.add_argument("--json", action="store_true", help="a JSON line per model that ran")
    options = parser.parse_args()
    calls.check_options(parser, options)
    return options


def main():
    options = parse()
    only = [o for o in options.only.split(",") if o]
    names = sorted(n for n in os.listdir(ZOO) if os.path.isfile(f"{ZOO}/{n}/config.json"))
    passed = failed = 0
    for name in names:
        if only and not any(name.startswith(o) for o in only):
            continue
        if name in MODELS:
            good = check(name, options)
        elif name in only:
            print(f"{name:26} FAILED  its architecture is not built yet")
            good = False
        else:
            print(f"{name:26} waits for its architecture")
            continue
        passed, failed = passed + good, failed + (not good)
    print(f"{passed} passed, {failed} failed", flush=True)
    sys.exit(0 if passed and not failed else 1)


main()
