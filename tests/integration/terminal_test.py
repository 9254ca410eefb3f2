"""What a person at a terminal meets: pictures from a pipe, limits that are named, progress, readers that leave."""
import json
import os
import pty
import signal
import subprocess

from harness import CLASSIFIER, NUMBERS, PROGRAM, SOURCE, WRITER, main
from run_test import long_writer

VIT = f"{SOURCE}/zoo/digits-vit"
PICTURE = f"{VIT}/eval/000.png"
LABELS = [json.loads(line)["text"] for line in open(f"{VIT}/eval/labels.jsonl")]


def said(store, *words, stdin=None):
    """Standard error of a command that must succeed."""
    done = store.run(*words, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stderr.decode()


def test_a_picture_from_a_pipe(store):
    data = open(PICTURE, "rb").read()
    for words in ((), ("-",)):
        result = store.json("run", VIT, *words, "--platform", "cpu", stdin=data)
        assert [answer[0]["label"] for answer in result["output"]] == LABELS[:1]
    assert store.json("run", VIT, "--file", PICTURE, "--platform", "cpu")["output"] == result["output"]
    store.fails("invalid_argument", 2, "run", NUMBERS, "--platform", "cpu", stdin=data, says="takes text, pair; input 0 is an image")
    store.fails("malformed_media", 3, "run", VIT, "--platform", "cpu", stdin=data[:200])
    assert len(store.json("run", NUMBERS, "--platform", "cpu", stdin=b"\xff\xfe lines\nthat are no picture\n")["output"]) == 2


def test_lines_that_name_pictures(store):
    names = [f"{VIT}/eval/{number:03}.png" for number in range(3)]
    result = store.json("run", VIT, "--platform", "cpu", stdin="\n".join(names) + "\n")
    assert [answer[0]["label"] for answer in result["output"]] == LABELS[:3]
    path = f"{store.folder}/names.txt"
    open(path, "w").write("\n".join(names))
    assert store.ok("run", VIT, "--file", path, "--top-k", "1").splitlines()[0::2] == names


def test_a_picture_for_a_model_of_texts_is_a_warning(store):
    assert f"warning: {PICTURE} is a picture" in said(store, "run", NUMBERS, PICTURE, "--platform", "cpu")
    assert "warning" not in said(store, "run", NUMBERS, f"{NUMBERS}/config.json", "--platform", "cpu")


def test_json_lines_stay_lines(store):
    lines = '{"text": "42", "id": 7}\n{"text": "43", "id": 8}\n'
    plain = store.ok("run", CLASSIFIER, "--platform", "cpu", stdin=lines)
    done = store.run("run", CLASSIFIER, "--platform", "cpu", "--json", stdin=lines)
    answers = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [answer["id"] for answer in answers] == [7, 8] and done.stdout.decode() == plain
    assert not done.stderr, done.stderr


def test_labels_are_percent_one_in_a_line(store):
    lines = store.ok("run", CLASSIFIER, "forty two", "--platform", "cpu").splitlines()
    assert lines[0] == "forty two" and len(lines) == 4 and lines[1].startswith("  even ") and lines[1].endswith(" %"), lines


def test_why_a_text_ended(store):
    run = ("run", WRITER, "--platform", "cpu")
    assert "stopped" not in said(store, *run, "42 =")
    assert "stopped at 2 tokens (-n)" in said(store, *run, "7352 =", "--max-new-tokens", "2")
    assert "stopped at the model's context of 32" in said(store, *run, "42 =", "--stop-token", "0")
    assert "stopped at the model's context of 32" in said(store, *run, "42 =", "--stop-token", "0", "-n", "500")
    assert "1 of 2 stopped at a limit" in said(store, *run, "7352 =", "42 =", "-n", "4")
    long = long_writer(f"{store.folder}/model", 2000)
    assert "stopped at 256 tokens, the model's own limit" in said(store, "run", long, "42 =", "--stop-token", "0", "--platform", "cpu")


def test_options_are_named(store):
    run = ("run", WRITER, "42 =", "--platform", "cpu")
    store.fails("invalid_argument", 2, *run, "--stop-token", "352", says="the model's vocabulary has 352 tokens, 0 to 351 (option --stop-token)")
    store.fails("invalid_argument", 2, *run, "-n", "-1", says="(option -n)")
    store.fails("invalid_argument", 2, *run, "--batch", "0", says="(option --batch)")


def test_explain_names_the_part(store):
    assert "\ndecoder on cpu: " in store.ok("run", WRITER, "--explain", "--platform", "cpu")


def test_ctrl_c_speaks_of_the_text(store):
    model = long_writer(f"{store.folder}/model", 20000)
    with store.start("run", model, "42 =", "--platform", "cpu", "--stop-token", "0", "-n", "19000") as process:
        process.stdout.read(len("42 =\n   forty"))
        process.send_signal(signal.SIGINT)
        text = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 130 and text == "error[cancelled]: interrupted; the text ends here\n", text


def test_a_reader_that_leaves(store):
    with store.start("run", NUMBERS, "42", "--platform", "cpu") as process:
        process.stdout.close()
        text = process.stderr.read().decode()
    assert process.returncode == 3 and "error" not in text, text


def test_progress_on_a_terminal(store):
    ours, theirs = pty.openpty()
    environment = dict(os.environ, IPFS_ACCELERATE_HOME=store.home)
    done = subprocess.run([PROGRAM, "run", WRITER, "42 =", "--platform", "cpu"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=theirs, env=environment, timeout=60)
    text = os.read(ours, 1 << 16).decode()
    os.close(ours), os.close(theirs)
    assert done.stdout == b"42 =\n   forty two\n" and done.returncode == 0
    assert "loading model.safetensors" in text and "computing" in text, text
    assert "loading" not in said(store, "run", WRITER, "42 =", "--platform", "cpu"), "only on a terminal"


if __name__ == "__main__":
    main(globals())
