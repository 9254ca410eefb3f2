"""Pictures end to end: files from disk to labels, on the CPU and on WebGPU, JSON lines, and each kind of bad picture."""
import json
import math
import os
import shutil

from harness import CLASSIFIER, FIXTURES, NUMBERS, SOURCE, copy_model, main, read_rows

VIT = f"{SOURCE}/zoo/digits-vit"
PICTURES = [f"{VIT}/eval/{number:03}.png" for number in range(8)]
LABELS = [json.loads(line)["text"] for line in open(f"{VIT}/eval/labels.jsonl")]
DAMAGED = f"{FIXTURES}/images/damaged"


def best(result):
    return [answer[0]["label"] for answer in result["output"]]


def test_files_give_their_labels(store):
    result = store.json("run", VIT, *PICTURES, "--platform", "cpu")
    assert best(result) == LABELS[:8]
    assert result["task"] == "image-classification" and result["answer_kind"] == "labels"
    assert result["model_type"] == "image_classification" and result["tokens"] == 0
    assert all(len(answer) == 5 for answer in result["output"])
    text = store.ok("run", VIT, *PICTURES, "--platform", "cpu", "--top-k", "1")
    assert text.splitlines()[0::2] == PICTURES
    assert [line.split()[0] for line in text.splitlines()[1::2]] == LABELS[:8]


def test_webgpu_gives_the_same(store):
    cpu = store.json("run", VIT, *PICTURES[:2], "--platform", "cpu")
    gpu = store.json("run", VIT, *PICTURES[:2], "--platform", "webgpu", "--no-fallback")
    assert gpu["platform"] == "webgpu" and best(gpu) == best(cpu)
    for one, two in zip(cpu["output"], gpu["output"], strict=True):
        assert abs(one[0]["score"] - two[0]["score"]) < 1e-4


def mean(rows):
    return [math.fsum(column) / len(rows) for column in zip(*rows, strict=True)]


def layer_norm(row, weight, bias):
    centre = math.fsum(row) / len(row)
    spread = math.sqrt(math.fsum((x - centre) ** 2 for x in row) / len(row))
    return [(x - centre) / spread * w + b for x, w, b in zip(row, weight, bias, strict=True)]


def test_embeddings_are_the_recorded_ones(store):
    """The mean over the last layer's tokens, of the zoo's first picture and of the fixture's two."""
    weight, bias = (read_rows(f"{VIT}/model.safetensors", f"vit.layernorm.{name}")[0] for name in ("weight", "bias"))
    last = [layer_norm(row, weight, bias) for row in read_rows(f"{VIT}/golden.safetensors", "hidden_last")]
    small = read_rows(f"{FIXTURES}/vit/golden.safetensors", "forward/out/last_hidden_state")
    names = [f"{FIXTURES}/vit/image{i}.png" for i in range(2)]
    for model, pictures, wanted in ((VIT, PICTURES[:1], [mean(last)]), (f"{FIXTURES}/vit", names, [mean(small[:17]), mean(small[17:])])):
        for platform in ("cpu", "webgpu"):
            run = ("run", model, *pictures, "--task", "image-feature-extraction", "--platform", platform, "--no-fallback")
            result = store.json(*run)
            assert result["platform"] == platform and result["answer_kind"] == "embedding", result
            worst = max(abs(a - b) for one, two in zip(result["output"], wanted, strict=True) for a, b in zip(one, two, strict=True))
            assert worst < 1e-4, f"{model} on {platform}: {worst}"


def test_embeddings_want_pictures(store):
    task = ("--task", "image-feature-extraction", "--platform", "cpu")
    store.fails("not_found", 3, "run", VIT, PICTURES[0], f"{VIT}/eval/none.png", *task, says="none.png")
    store.fails("not_found", 3, "run", VIT, "seven", *task, says="cannot read the file seven: there is no such file")
    store.fails("unknown_task", 2, "run", NUMBERS, "42", *task, says="'bert'")


def test_json_lines_and_batches(store):
    names = sorted(os.listdir(f"{VIT}/eval"))[:64]
    lines = [{"id": name, "image": f"{VIT}/eval/{name}"} for name in names]
    out = store.ok("run", VIT, "--platform", "cpu", "--batch", "7", "--top-k", "1", stdin="\n".join(map(json.dumps, lines)))
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["id"] for answer in answers] == names
    assert [answer["output"][0]["label"] for answer in answers] == LABELS


def test_explain_reads_the_size_of_a_picture(store):
    plan = store.json("run", VIT, PICTURES[0], PICTURES[1], "--explain", "--platform", "cpu")
    assert plan["takes"] == ["image", "pixels"] and plan["task"] == "image-classification"
    assert store.json("run", VIT, "--explain", "--platform", "cpu")["shape"]["height"] == 32  # that it was made for
    assert plan["shape"]["batch"] == 2 and plan["shape"]["height"] == plan["shape"]["width"] == 32


def test_a_text_that_names_a_file_stays_a_text(store):
    """Only a model that takes pictures and no texts reads the file."""
    assert len(store.json("run", NUMBERS, PICTURES[0], "--platform", "cpu")["output"]) == 1


def test_bad_pictures_are_named(store):
    run = ("run", VIT, "--platform", "cpu")
    store.fails("not_found", 3, *run, "seven", says="cannot read the file seven: there is no such file")
    store.fails("not_found", 3, *run, stdin="seven\n", says="cannot read the file seven: there is no such file")
    store.fails("invalid_argument", 2, *run, stdin='{"text": "seven"}\n', says="line 1: image-classification takes image, pixels; the input is a text")
    os.mkfifo(f"{store.folder}/pipe.png")
    os.symlink("nothing", f"{store.folder}/link.png")
    for name, why in (("pipe.png", "it is a pipe"), ("link.png", "it is a link to nothing"), ("", "it is a folder")):
        store.fails("not_found", 3, *run, f"{store.folder}/{name}", says=why)
        store.fails("not_found", 3, *run, PICTURES[0], f"{store.folder}/{name}", says=why)
    store.fails("not_found", 3, *run, PICTURES[0], f"{VIT}/eval/none.png", says="none.png")
    store.fails("unsupported_media", 3, *run, f"{VIT}/config.json", says="neither a PNG nor a JPEG")
    store.fails("malformed_media", 3, *run, PICTURES[0], f"{DAMAGED}/cut.png", says="input 1")
    store.fails("malformed_media", 3, *run, f"{DAMAGED}/flipped.png")
    store.fails("limit_exceeded", 3, *run, f"{DAMAGED}/huge.png", says="16384")
    store.fails("invalid_argument", 2, "run", NUMBERS, "--platform", "cpu", stdin=json.dumps({"image": PICTURES[0]}),
                says="feature-extraction takes text, pair; the input is an image")
    store.fails("unknown_task", 2, "run", CLASSIFIER, "--task", "image-classification", "--platform", "cpu",
                stdin=json.dumps({"image": PICTURES[0]}), says="'bert'")
    store.fails("unknown_task", 2, *run, "--task", "feature-extraction", "a", says="'vit'")


def test_a_tokenizer_makes_no_text_model_of_it(store):
    folder = copy_model(VIT, f"{store.folder}/vit")
    shutil.copy(f"{NUMBERS}/tokenizer.json", folder)
    store.fails("unknown_task", 2, "run", folder, "--task", "feature-extraction", "--platform", "cpu", "a", says="images")
    os.remove(f"{folder}/preprocessor_config.json")
    store.fails("not_found", 3, "run", folder, "--platform", "cpu", PICTURES[0], says="preprocessor_config.json")


if __name__ == "__main__":
    main(globals())
