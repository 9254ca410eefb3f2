"""`run` end to end: every result field, JSON lines, batches, and each kind of bad input."""
import concurrent.futures
import json
import math
import os
import shutil
import signal
import struct
import subprocess

from harness import (CLASSIFIER, FIXTURES, NUMBERS, TRANSLATOR, WRITER, copy_model, edit_json, main, read_rows, read_safetensors,
                     wait_until, write_safetensors)

FIELDS = {"model_name", "model_type", "platform", "browser", "is_real_hardware", "precision", "mixed_precision",
          "processing_time", "total_time", "ipfs_cache_hit", "ipfs_source", "ipfs_load_time", "cid", "optimizations",
          "memory_usage_mb", "throughput_items_per_sec", "p2p_optimized", "adapter_info", "output"}


def golden_embeddings():
    return json.load(open(f"{NUMBERS}/golden.json"))["inputs"], read_rows(f"{NUMBERS}/golden.safetensors", "embedding")


def normalized(vectors):
    """The folder asks for mean pooling alone; the golden vectors are normalised on top."""
    return [[x / math.sqrt(sum(y * y for y in vector)) for x in vector] for vector in vectors]


def worst(a, b):
    return max(abs(x - y) for one, two in zip(a, b, strict=True) for x, y in zip(one, two, strict=True))


def test_every_field_is_there_and_measured(store):
    texts, expected = golden_embeddings()
    result = store.json("run", NUMBERS, *texts, "--platform", "cpu")
    assert FIELDS <= set(result), FIELDS - set(result)
    assert worst(normalized(result["output"]), expected) < 1e-4
    assert result["platform"] == "cpu" and result["is_real_hardware"] is True and result["precision"] == 32
    assert 0 < result["processing_time"] <= result["total_time"] < 60
    assert result["ipfs_load_time"] > 0 and result["memory_usage_mb"] > 1
    assert math.isclose(result["throughput_items_per_sec"], len(texts) / result["processing_time"], rel_tol=1e-6)
    assert result["ipfs_source"] == "cache" and result["cid"].startswith("bafybei") and result["adapter_info"]


def test_second_run_hits_the_store(store):
    assert store.json("run", NUMBERS, "42")["ipfs_cache_hit"] is False
    again = store.json("run", NUMBERS, "42")
    assert again["ipfs_cache_hit"] is True
    by_cid = store.json("run", again["cid"], "42")
    assert by_cid["ipfs_cache_hit"] is True and worst(by_cid["output"], again["output"]) < 1e-6


def test_programs_share_a_store(store):
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda n: store.json("run", NUMBERS, str(n % 2), "--platform", "cpu")["output"], range(6)))
    assert results[0] == results[2] == results[4] and results[1] == results[3] == results[5]


def test_webgpu_gives_the_same_numbers(store):
    texts, expected = golden_embeddings()
    result = store.json("run", NUMBERS, *texts, "--platform", "webgpu", "--no-fallback")
    assert result["platform"] == "webgpu" and not result["fallback"]
    assert worst(normalized(result["output"]), expected) < 1e-3


def test_batches_keep_the_order(store):
    texts = [f"the number {n}" if n % 3 else str(n) for n in range(70)]
    together = store.json("run", NUMBERS, *texts, "--platform", "cpu", "--batch", "8")
    alone = [store.json("run", NUMBERS, texts[i], "--platform", "cpu")["output"][0] for i in (0, 1, 35, 69)]
    assert worst([together["output"][i] for i in (0, 1, 35, 69)], alone) < 1e-5
    assert "batches sorted by length" in together["optimizations"]


def test_json_lines_in_and_out(store):
    lines = [{"id": n, "text": f"the number {n}"} for n in range(2500)]
    out = store.ok("run", CLASSIFIER, "--platform", "cpu", "--top-k", "1", stdin="\n".join(map(json.dumps, lines)) + "\n")
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["id"] for answer in answers] == list(range(2500))
    right = sum(answer["output"][0]["label"] == ("odd" if answer["id"] % 2 else "even") for answer in answers)
    assert right > 2400, right


def test_plain_lines_a_file_and_pairs(store):
    path = f"{store.folder}/lines.txt"
    open(path, "w").write("42\n\nforty two\n")
    assert len(store.json("run", NUMBERS, "--file", path)["output"]) == 2
    assert len(store.json("run", NUMBERS, "-", stdin="1\n2\n3\n")["output"]) == 3
    pair = store.ok("run", NUMBERS, stdin='{"text": "42", "pair": "forty two"}\n')
    single = store.ok("run", NUMBERS, stdin='{"text": "42"}\n')
    assert json.loads(pair)["output"] != json.loads(single)["output"]


def blocks_sigint(process):
    lines = open(f"/proc/{process.pid}/status").read().splitlines()
    return any(int(line.split()[1], 16) & 1 << (signal.SIGINT - 1) for line in lines if line.startswith("SigBlk"))


def test_ctrl_c_while_input_is_awaited(store):
    with store.start("run", NUMBERS, "-", stdin=subprocess.PIPE) as process:
        wait_until(lambda: blocks_sigint(process))
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr.read().decode().startswith("error[cancelled]: interrupted")


def test_classify_and_fill_mask(store):
    result = store.json("run", CLASSIFIER, "forty two", "nothing here", "--platform", "cpu")
    assert result["task"] == "text-classification" and result["output"][0][0]["label"] == "even"
    assert abs(sum(entry["score"] for entry in result["output"][0]) - 1) < 1e-4
    mask = store.json("run", f"{FIXTURES}/bert-mlm", "a [MASK] b", "--top-k", "3")
    assert mask["task"] == "fill-mask" and len(mask["output"][0]) == 3 and "token_str" in mask["output"][0][0]
    store.fails("invalid_argument", 2, "run", f"{FIXTURES}/bert-mlm", "no mask here")


def test_a_text_is_streamed(store):
    result = store.json("run", WRITER, "42 =", "--platform", "cpu")
    answer = result["output"][0]
    assert result["answer_kind"] == "generated_text" and answer["text"] == " forty two" and answer["finish_reason"] == "stop"
    for words in (["42 ="], ["-"]):
        done = store.run("run", WRITER, *words, "--platform", "cpu", stdin="42 =\n")
        assert done.stdout.decode() == f"42 =\n  {answer['text']}\n", done.stdout
        assert f"{len(answer['tokens'])} tokens, " in done.stderr.decode() and " tokens/s, " in done.stderr.decode(), done.stderr
    several = store.ok("run", WRITER, "42 =", "37 =", "--platform", "cpu")
    assert several == "42 =\n   forty two\n37 =\n   thirty seven\n", several
    lines = store.ok("run", WRITER, "--platform", "cpu", stdin='{"text": "42 =", "id": 7}\n')
    assert json.loads(lines) == {"text": "42 =", "id": 7, "output": answer}


def recorded(model, asked, lines):
    """(inputs, texts) of the first lines of a shipped model's eval, as the reference wrote them."""
    cases = [json.loads(line) for line in open(f"{model}/eval/eval.jsonl")][:lines]
    return [case[asked] for case in cases], [case["hf"] for case in cases]


def test_texts_on_both_platforms(store):
    """One after the other and in a batch of unequal lengths, exactly what the reference wrote; GPT-2 begins with a space."""
    for model, asked, task in ((WRITER, "prompt", "text-generation"), (TRANSLATOR, "input", "text2text-generation")):
        inputs, wanted = recorded(model, asked, 6)
        for platform in ("cpu", "webgpu"):
            run = ("run", model, "--platform", platform, "--no-fallback")
            result = store.json(*run, *inputs)
            assert result["platform"] == platform and result["task"] == task and not result["fallback"], result
            assert [answer["text"].removeprefix(" ") for answer in result["output"]] == wanted, result["output"]
            assert all(answer["finish_reason"] == "stop" for answer in result["output"])
            assert store.json(*run, inputs[0])["output"] == result["output"][:1]


def test_one_text_from_another(store):
    run = ("run", TRANSLATOR, "--platform", "cpu")
    done = store.run(*run, "to words: 42")
    assert done.stdout.decode() == "to words: 42\n  forty two\n", done.stdout
    assert " tokens/s, " in done.stderr.decode(), done.stderr
    lines = store.ok(*run, stdin='{"text": "to digits: forty two", "id": 7}\n')
    assert json.loads(lines)["output"]["text"] == "42" and json.loads(lines)["id"] == 7
    whole, cut = (store.json(*run, "to words: 7352", *words)["output"][0] for words in ((), ("-n", "2")))
    assert cut == {"text": cut["text"], "tokens": whole["tokens"][:2], "finish_reason": "length"}
    assert whole["text"] == "seven thousand three hundred fifty two" and whole["text"].startswith(cut["text"])
    for name in ("translation", "summarization"):
        assert store.json(*run, "to words: 7352", "--task", name)["output"] == [whole]
    store.fails("unknown_task", 2, *run, "42 =", "--task", "text-generation")
    store.fails("unknown_task", 2, "run", WRITER, "42 =", "--task", "text2text-generation", "--platform", "cpu")


def test_limits_of_a_text(store):
    def answer(*words):
        return store.json("run", WRITER, "7352 =", "--platform", "cpu", *words)["output"][0]
    whole = answer()
    assert whole["text"] == " seven thousand three hundred fifty two" and whole["finish_reason"] == "stop"
    for words in (("-n", "2"), ("--max-tokens", "2")):
        assert answer(*words) == {"text": " seven thousand", "tokens": whole["tokens"][:2], "finish_reason": "length"}
    third, last = str(whole["tokens"][2]), str(whole["tokens"][-1])
    assert answer("--stop-token", last, "--stop-token", third) == {"text": " seven thousand", "tokens": whole["tokens"][:2], "finish_reason": "stop"}
    assert len(answer("--stop-token", "0")["tokens"]) > len(whole["tokens"]), "the model's own no longer stops"
    store.fails("invalid_argument", 2, "run", WRITER, "", says="input 0 has no tokens")
    store.fails("input_too_long", 2, "run", WRITER, "1 " * 400, says="800 tokens, the model takes 32; shorten it")
    store.fails("invalid_argument", 2, "run", WRITER, "42 =", "-n", "-1", says="max_new_tokens is -1")
    store.fails("invalid_argument", 2, "run", WRITER, "42 =", "-n", "1000001", says="1 to 1000000")
    store.fails("invalid_argument", 2, "run", WRITER, "42 =", "-n", "many", says="many")
    store.fails("invalid_argument", 2, "run", WRITER, "42 =", "--stop-token", "-7", says="-7")
    store.fails("invalid_argument", 2, "run", WRITER, "42 =", "--stop-token", "x", says="x")
    store.fails("input_too_long", 2, "run", WRITER, "7 " * 40, says="32")


def long_writer(folder, positions):
    """The writer with room for so many tokens: it goes on for a while when nothing stops it."""
    model = copy_model(WRITER, folder)
    edit_json(f"{model}/config.json", lambda value: value.update(n_positions=positions))
    header, body = read_safetensors(f"{model}/model.safetensors")
    header.pop("__metadata__", None)
    name = next(name for name in header if name.endswith("wpe.weight"))
    begin, end = header[name]["data_offsets"]
    rows = bytes(body[begin:end])
    header[name] = dict(header[name], shape=[positions, 96], data_offsets=[len(body), len(body) + positions * 96 * 4])
    body += (rows * (positions // 32 + 1))[:positions * 96 * 4]
    cut = end - begin  # no byte may be left over
    for other in header.values():
        other["data_offsets"] = [at - cut if at > begin else at for at in other["data_offsets"]]
    write_safetensors(f"{model}/model.safetensors", header, body[:begin] + body[end:])
    return model


def test_ctrl_c_ends_a_text(store):
    model = long_writer(f"{store.folder}/model", 20000)
    with store.start("run", model, "42 =", "--platform", "cpu", "--stop-token", "0", "-n", "19000") as process:
        begun = process.stdout.read(len("42 =\n   forty"))
        process.send_signal(signal.SIGINT)
        rest, text = process.communicate(timeout=60)
    assert begun == b"42 =\n   forty" and rest.endswith(b"\n"), (begun, rest)
    assert process.returncode == 130, f"{process.returncode}: {text}"
    assert text.decode().count("\n") == 1 and text.decode().startswith("error[cancelled]: interrupted"), text


def test_explain_reads_no_weight(store):
    model = copy_model(NUMBERS, f"{store.folder}/model")
    cid = store.json("add", model, "--reference")["cid"]
    plan = store.json("run", cid, "--explain", "--platform", "cpu")
    assert plan["cid"] == cid and plan["weight_bytes"] > 1_600_000 and plan["segments"][0]["platform"] == "cpu"
    assert "layer_norm" in store.ok("run", cid, "--explain", "42")


def test_devices(store):
    devices = store.json("devices")
    cpu = devices["devices"][0]
    assert cpu["platform"] == "cpu" and cpu["threads"] >= 1 and cpu["features"] and cpu["is_real_hardware"]
    assert devices["auto"]["reason"] and devices["auto"]["platform"] in ("cpu", "webgpu")
    real = any(device["is_real_hardware"] for device in devices["devices"] if device["platform"] == "webgpu")
    assert real or devices["auto"]["platform"] == "cpu", "a software adapter is never chosen over the CPU"
    assert "auto" in store.ok("devices")


def test_wrong_options(store):
    store.fails("unsupported_precision", 2, "run", NUMBERS, "42", "--precision", "7")
    store.fails("unknown_platform", 2, "run", NUMBERS, "42", "--platform", "abacus")
    store.fails("unknown_task", 2, "run", NUMBERS, "42", "--task", "juggling")
    store.fails("unknown_option", 2, "run", NUMBERS, "42", "--nonsense")
    store.fails("invalid_argument", 2, "run", NUMBERS, "42", "--batch", "0")
    store.fails("invalid_argument", 2, "run", NUMBERS, stdin="")
    store.fails("invalid_argument", 2, "run", NUMBERS, stdin='{"text": "1"}\nnot json\n', says="line 2")
    store.fails("invalid_argument", 2, "run", "hf:owner/name", "42")
    store.fails("no_adapter", 6, "run", NUMBERS, "42", "--platform", "webnn", says="browser")


def test_content_other_than_text(store):
    cat = f"{store.folder}/cat.png"
    open(cat, "wb").write(b"no picture is decoded before the task is asked")
    line = json.dumps({"image": cat}) + "\n"
    store.fails("invalid_argument", 2, "run", NUMBERS, stdin=line, says="feature-extraction takes text, pair; input 0 is an image")
    store.fails("not_found", 3, "run", NUMBERS, stdin='{"image": "%s/absent.png"}\n' % store.folder, says="line 1")
    store.fails("invalid_argument", 2, "run", NUMBERS, stdin='{"image": 0}\n', says="no blobs")
    store.fails("invalid_argument", 2, "run", NUMBERS, stdin='{"text": "1"}\n["2"]\n', says="line 2")


def test_missing_files(store):
    store.fails("not_found", 3, "run", f"{store.folder}/absent", "42")
    store.fails("not_found", 3, "run", NUMBERS, "--file", f"{store.folder}/absent.txt")
    for name in ("config.json", "model.safetensors"):
        model = copy_model(NUMBERS, f"{store.folder}/without-{name}")
        os.remove(f"{model}/{name}")
        store.fails("not_found", 3, "run", model, "42", says=name)


def test_no_tokenizer(store):
    model = copy_model(NUMBERS, f"{store.folder}/model")
    edit_json(f"{model}/tokenizer.json", lambda value: value["model"].update(vocab={}))
    store.fails("missing_tokenizer", 5, "run", model, "42")
    os.remove(f"{model}/tokenizer.json")
    store.fails("missing_tokenizer", 5, "run", model, "42")


def test_unknown_architecture(store):
    model = copy_model(NUMBERS, f"{store.folder}/model")
    edit_json(f"{model}/config.json", lambda value: value.update(model_type="abacus"))
    store.fails("unknown_architecture", 5, "run", model, "42", says="bert")


def test_config_that_is_no_json(store):
    model = copy_model(NUMBERS, f"{store.folder}/model")
    open(f"{model}/config.json", "w").write("{")
    store.fails("malformed_config", 5, "run", model, "42")


def test_wrong_dtype_and_shape(store):
    header, body = read_safetensors(f"{NUMBERS}/model.safetensors")
    name = next(name for name in header if name.endswith("word_embeddings.weight"))
    model = copy_model(NUMBERS, f"{store.folder}/dtype")
    changed = dict(header, **{name: dict(header[name], dtype="I32")})
    write_safetensors(f"{model}/model.safetensors", changed, body)
    store.fails("unsupported_dtype", 5, "run", model, "42")
    model = copy_model(NUMBERS, f"{store.folder}/shape")
    changed = dict(header, **{name: dict(header[name], shape=header[name]["shape"][::-1])})
    write_safetensors(f"{model}/model.safetensors", changed, body)
    store.fails("wrong_shape", 5, "run", model, "42")
    model = copy_model(NUMBERS, f"{store.folder}/missing")
    write_safetensors(f"{model}/model.safetensors", {key: value for key, value in header.items() if key != name}, body)
    done = store.run("run", model, "42")
    assert done.returncode == 5, done.stderr


def test_damaged_weight_file(store):
    model = copy_model(NUMBERS, f"{store.folder}/model")
    with open(f"{model}/model.safetensors", "r+b") as file:
        file.truncate(100_000)
    store.fails("malformed_weights", 5, "run", model, "42")
    open(f"{model}/model.safetensors", "wb").write(b"\xff" * 64)
    assert store.run("run", model, "42").returncode in (3, 5)


def test_nan_weights(store):
    model = copy_model(NUMBERS, f"{store.folder}/model")
    header, body = read_safetensors(f"{model}/model.safetensors")
    name = next(name for name in header if name.endswith("layer.1.output.dense.weight"))
    begin = header[name]["data_offsets"][0]
    body[begin + 400:begin + 404] = b"\x00\x00\xc0\x7f"
    write_safetensors(f"{model}/model.safetensors", header, body)
    store.fails("not_finite", 5, "run", model, "42", says="layer.1.output.dense.weight")


def test_scores_that_are_not_finite(store):
    model = copy_model(WRITER, f"{store.folder}/model")
    header, body = read_safetensors(f"{model}/model.safetensors")
    name = next(name for name in header if name.endswith("wpe.weight"))
    row = struct.pack("<f", 3e38) * header[name]["shape"][1]  # finite, but its sum is not
    begin = header[name]["data_offsets"][0] + 3 * len(row)
    body[begin:begin + len(row)] = row
    write_safetensors(f"{model}/model.safetensors", header, body)
    for platform in "cpu", "webgpu":
        store.fails("not_finite", 5, "run", model, "42 = 42 = 42 =", "--platform", platform, says="sequence 0")


def test_too_long(store):
    long = " ".join(["forty"] * 100)
    assert len(store.json("run", NUMBERS, long)["output"][0]) == 128
    store.fails("input_too_long", 2, "run", NUMBERS, long, "--no-truncate", says="32")


def test_corrupted_store_never_reaches_the_model(store):
    cid = store.json("add", copy_model(NUMBERS, f"{store.folder}/model"))["cid"]
    before = store.json("run", cid, "42")
    for folder, _, names in os.walk(f"{store.home}/store"):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.getsize(path) >= 1_700_000:
                with open(path, "r+b") as file:
                    file.seek(900_000)
                    byte = file.read(1)
                    file.seek(900_000)
                    file.write(bytes([byte[0] ^ 4]))
    store.fails("integrity", 3, "run", cid, "42")
    shutil.rmtree(f"{store.folder}/model")
    repaired = store.json("add", NUMBERS, "--name", "again")
    assert repaired["cid"] and before["output"]


def test_no_adapter(store):
    """Without any Vulkan driver, WebGPU is an error, and with fallback allowed the result says why the CPU was used."""
    os.environ["VK_DRIVER_FILES"] = os.environ["VK_ICD_FILENAMES"] = "/dev/null"
    try:
        store.fails("no_adapter", 6, "run", NUMBERS, "42", "--platform", "webgpu", "--no-fallback")
        result = store.json("run", NUMBERS, "42", "--platform", "webgpu")
        assert result["platform"] == "cpu" and "webgpu" in result["fallback"], result["fallback"]
        assert store.json("run", NUMBERS, "42")["platform"] == "cpu"
    finally:
        del os.environ["VK_DRIVER_FILES"], os.environ["VK_ICD_FILENAMES"]


if __name__ == "__main__":
    main(globals())
