"""Writes a model folder of MiniLM's shapes with random weights, and the same model as ONNX, for benchmarks.

Usage: make_minilm.py FOLDER.  Shapes: 6 layers, hidden 384, 12 heads, FFN 1536, vocabulary 30522, 512 positions
(the configuration published as all-MiniLM-L6-v2).  FOLDER gets a Hugging Face layout (config.json, model.safetensors,
tokenizer.json, modules.json), model.onnx (standard operators, as exporters write it) and fused.onnx (the operators that
onnxruntime's transformer optimizer puts in their place).
"""
import json
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LAYERS, HIDDEN, HEADS, FFN, VOCABULARY, POSITIONS, EPSILON = 6, 384, 12, 1536, 30522, 512, 1e-12
HEAD_DIM = HIDDEN // HEADS


def make_weights():
    random = np.random.default_rng(7)
    normal = lambda *shape, scale: (random.standard_normal(shape, dtype=np.float32) * np.float32(scale))
    weights = {
        "embeddings.word_embeddings.weight": normal(VOCABULARY, HIDDEN, scale=0.05),
        "embeddings.position_embeddings.weight": normal(POSITIONS, HIDDEN, scale=0.02),
        "embeddings.token_type_embeddings.weight": normal(2, HIDDEN, scale=0.02),
    }

    def norm(name):
        weights[f"{name}.weight"] = 1 + normal(HIDDEN, scale=0.1)
        weights[f"{name}.bias"] = normal(HIDDEN, scale=0.05)

    def linear(name, rows, columns):
        weights[f"{name}.weight"] = normal(rows, columns, scale=columns ** -0.5)
        weights[f"{name}.bias"] = normal(rows, scale=0.05)

    norm("embeddings.LayerNorm")
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            linear(f"{at}.attention.self.{part}", HIDDEN, HIDDEN)
        linear(f"{at}.attention.output.dense", HIDDEN, HIDDEN)
        norm(f"{at}.attention.output.LayerNorm")
        linear(f"{at}.intermediate.dense", FFN, HIDDEN)
        linear(f"{at}.output.dense", HIDDEN, FFN)
        norm(f"{at}.output.LayerNorm")
    return weights


def write_safetensors(path, weights):
    header, offset = {}, 0
    for name, array in weights.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for array in weights.values():
            out.write(array.tobytes())


def write_folder(folder, weights):
    os.makedirs(f"{folder}/1_Pooling", exist_ok=True)
    config = {
        "architectures": ["BertModel"], "model_type": "bert", "hidden_size": HIDDEN, "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "intermediate_size": FFN, "vocab_size": VOCABULARY, "max_position_embeddings": POSITIONS,
        "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": EPSILON, "pad_token_id": 0, "torch_dtype": "float32",
    }
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [chr(c) for c in range(33, 127)]
    words = special + letters + ["##" + c for c in letters]
    words += [f"w{i}" for i in range(VOCABULARY - len(words))]
    special_token = lambda token: {"id": words.index(token), "content": token, "single_word": False, "lstrip": False,
                                   "rstrip": False, "normalized": False, "special": True}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [special_token(t) for t in special],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                  "vocab": {word: i for i, word in enumerate(words)}},
    }
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
               {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
               {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]
    pooling = {"word_embedding_dimension": HIDDEN, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    for name, value in {"config.json": config, "tokenizer.json": tokenizer, "modules.json": modules, "1_Pooling/config.json": pooling}.items():
        with open(f"{folder}/{name}", "w") as out:
            json.dump(value, out)
    write_safetensors(f"{folder}/model.safetensors", weights)


class OnnxGraph:
    """Collects nodes and initializers; every node has one output, named after it."""

    def __init__(self, weights):
        self.weights, self.nodes, self.initializers = weights, [], {}

    def constant(self, name, array):
        self.initializers.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def weight(self, name, transpose=False):
        array = self.weights[name]
        return self.constant(name + (".T" if transpose else ""), array.T if transpose else array)

    def node(self, op, inputs, domain="", outputs=1, **attributes):
        name = f"n{len(self.nodes)}_{op}"
        names = [name] + [f"{name}_{i}" for i in range(1, outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, name=name, domain=domain, **attributes))
        return name

    def linear(self, x, name):
        return self.node("Add", [self.node("MatMul", [x, self.weight(f"{name}.weight", True)]), self.weight(f"{name}.bias")])

    def norm(self, x, name):
        return self.node("LayerNormalization", [x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias")], axis=-1, epsilon=EPSILON)

    def save(self, path, output):
        self.nodes.append(helper.make_node("Identity", [output], ["last_hidden_state"]))
        ids = [helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "sequence"]) for n in ("input_ids", "attention_mask", "token_type_ids")]
        result = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", HIDDEN])
        graph = helper.make_graph(self.nodes, "minilm", ids, [result], list(self.initializers.values()))
        opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)


def standard(weights, path):
    g = OnnxGraph(weights)
    i64 = lambda name, values: g.constant(name, np.array(values, np.int64))
    shape = g.node("Shape", ["input_ids"])
    sequence = g.node("Gather", [shape, i64("one", [1])], axis=0)
    positions = g.node("Slice", [i64("all_positions", np.arange(POSITIONS)[None]), i64("zero", [0]), sequence, i64("one", [1])])
    x = g.node("Add", [g.node("Gather", [g.weight("embeddings.word_embeddings.weight"), "input_ids"]),
                       g.node("Gather", [g.weight("embeddings.token_type_embeddings.weight"), "token_type_ids"])])
    x = g.node("Add", [x, g.node("Gather", [g.weight("embeddings.position_embeddings.weight"), positions])])
    x = g.norm(x, "embeddings.LayerNorm")
    mask = g.node("Unsqueeze", [g.node("Cast", ["attention_mask"], to=TensorProto.FLOAT), i64("mask_axes", [1, 2])])
    mask = g.node("Mul", [g.node("Sub", [g.constant("one_f", np.float32(1)), mask]), g.constant("lowest", np.float32(-3.4028235e38))])
    split = i64("split_heads", [0, 0, HEADS, HEAD_DIM])
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        heads = lambda part, perm: g.node("Transpose", [g.node("Reshape", [g.linear(x, f"{at}.attention.self.{part}"), split])], perm=perm)
        q, k, v = heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1]), heads("value", [0, 2, 1, 3])
        scores = g.node("Div", [g.node("MatMul", [q, k]), g.constant("root", np.float32(HEAD_DIM ** 0.5))])
        context = g.node("MatMul", [g.node("Softmax", [g.node("Add", [scores, mask])], axis=-1), v])
        context = g.node("Reshape", [g.node("Transpose", [context], perm=[0, 2, 1, 3]), i64("merge_heads", [0, 0, HIDDEN])])
        x = g.norm(g.node("Add", [g.linear(context, f"{at}.attention.output.dense"), x]), f"{at}.attention.output.LayerNorm")
        inner = g.node("Gelu", [g.linear(x, f"{at}.intermediate.dense")])
        x = g.norm(g.node("Add", [g.linear(inner, f"{at}.output.dense"), x]), f"{at}.output.LayerNorm")
    g.save(path, x)


def fused(weights, path):
    g = OnnxGraph(weights)
    ms = "com.microsoft"
    i32 = lambda name: g.node("Cast", [name], to=TensorProto.INT32)
    w = g.weight
    x = g.node("EmbedLayerNormalization", [i32("input_ids"), i32("token_type_ids"), w("embeddings.word_embeddings.weight"),
               w("embeddings.position_embeddings.weight"), w("embeddings.token_type_embeddings.weight"),
               w("embeddings.LayerNorm.weight"), w("embeddings.LayerNorm.bias")], ms, outputs=2, epsilon=EPSILON)
    mask = i32("attention_mask")
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        parts = ("query", "key", "value")
        qkv = g.constant(f"{at}.qkv", np.concatenate([weights[f"{at}.attention.self.{p}.weight"].T for p in parts], axis=1))
        qkv_bias = g.constant(f"{at}.qkv_bias", np.concatenate([weights[f"{at}.attention.self.{p}.bias"] for p in parts]))
        context = g.node("Attention", [x, qkv, qkv_bias, mask], ms, num_heads=HEADS)
        out = g.node("MatMul", [context, w(f"{at}.attention.output.dense.weight", True)])
        skip_norm = lambda y, residual, norm, bias: g.node(
            "SkipLayerNormalization", [y, residual, w(f"{norm}.weight"), w(f"{norm}.bias"), w(bias)], ms, epsilon=EPSILON)
        x = skip_norm(out, x, f"{at}.attention.output.LayerNorm", f"{at}.attention.output.dense.bias")
        inner = g.node("BiasGelu", [g.node("MatMul", [x, w(f"{at}.intermediate.dense.weight", True)]), w(f"{at}.intermediate.dense.bias")], ms)
        out = g.node("MatMul", [inner, w(f"{at}.output.dense.weight", True)])
        x = skip_norm(out, x, f"{at}.output.LayerNorm", f"{at}.output.dense.bias")
    g.save(path, x)


def main():
    folder = sys.argv[1]
    if os.path.exists(f"{folder}/complete"):
        return
    weights = make_weights()
    write_folder(folder, weights)
    standard(weights, f"{folder}/model.onnx")
    fused(weights, f"{folder}/fused.onnx")
    open(f"{folder}/complete", "w").close()


main()
