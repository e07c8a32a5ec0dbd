"""Writes a random llama model of less than a megabyte: real words in no order, any text goes in, tool calls come out.

    python tests/support/tiny_model.py OUT.gguf

Nothing is downloaded. The same seed gives the same bytes. Tests steer it with `logit_bias`: END, CALL and CALL_END are the
ids of the tokens that end an answer, begin a tool call and end one.
"""

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

WIDTH, LAYERS, HEADS, HIDDEN, CONTEXT, SEED = 64, 2, 4, 192, 8192, 11
SPECIALS = ("<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>")
END, CALL, CALL_END = 4, 5, 6
END_BIAS = 1.1  # larger: answers end sooner
WORDS = """
a the of and to in is it that for as was with on be by at this are or from we you not have can one two all some
river stone garden window letter table morning evening winter summer music paper bread water light shadow house
road bridge city mountain island forest story voice hand time year day night word line page book song
""".split()  # noqa: SIM905  (words are read as words)
SPACE = "▁"

# ChatML. A call is a JSON object between the two tool tokens, as many models have it.
TEMPLATE = """
{%- set first = messages[0] if messages[0].role == 'system' else none %}
{%- if first or tools %}<|im_start|>system
{% if first %}{{ first.content }}
{% endif %}{% if tools %}Tools:{% for tool in tools %}
{{ tool | tojson }}{% endfor %}
Call one by <tool_call>{"name": ..., "arguments": {...}}</tool_call>
{% endif %}<|im_end|>
{% endif %}
{%- for message in messages %}
{%- if loop.first and first %}
{%- elif message.role == 'tool' %}<|im_start|>user
<tool_response>{{ message.content }}</tool_response><|im_end|>
{% else %}<|im_start|>{{ message.role }}
{{ message.content or '' }}
{%- for call in message.tool_calls or [] %}<tool_call>{"name": "{{ call.function.name }}", "arguments": {{
call.function.arguments if call.function.arguments is string else call.function.arguments | tojson }}}</tool_call>
{%- endfor %}<|im_end|>
{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

Weights = npt.NDArray[np.float32]


def write_model(path: Path) -> None:
    """The whole model as one GGUF file."""
    writer = gguf.GGUFWriter(str(path), "llama")
    tokens = list(_tokens())
    _describe(writer, len(tokens))
    _write_tokens(writer, tokens)
    for name, weights in _weights(tokens):
        writer.add_tensor(name, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: gguf.GGUFWriter, vocabulary: int) -> None:
    writer.add_name("tiny random llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(vocabulary)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_chat_template(TEMPLATE)


def _tokens() -> Iterator[tuple[str, gguf.TokenType, float]]:
    """Text, kind and score. Bytes make every text possible; a word is built by merging its beginnings."""
    kinds = [gguf.TokenType.UNKNOWN, *[gguf.TokenType.CONTROL] * 4, *[gguf.TokenType.USER_DEFINED] * 2]
    for text, kind in zip(SPECIALS, kinds, strict=True):
        yield text, kind, 0.0
    for byte in range(256):
        yield f"<0x{byte:02X}>", gguf.TokenType.BYTE, 0.0
    for character in _characters():
        yield character, gguf.TokenType.NORMAL, -1000.0
    for rank, piece in enumerate(_pieces()):
        yield piece, gguf.TokenType.NORMAL, -1.0 - rank


def _characters() -> list[str]:
    return [SPACE, *map(chr, range(33, 127))]


def _pieces() -> list[str]:
    """The beginnings of every word, with and without the space before it, shorter ones first."""
    words = sorted(chain.from_iterable((word, SPACE + word) for word in WORDS), key=len)
    beginnings = (word[:end] for word in words for end in range(2, len(word) + 1))
    return list(dict.fromkeys(beginnings))


def _write_tokens(writer: gguf.GGUFWriter, tokens: list[tuple[str, gguf.TokenType, float]]) -> None:
    texts, kinds, scores = zip(*tokens, strict=True)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([text.encode() for text in texts])
    writer.add_token_types(list(kinds))
    writer.add_token_scores(list(scores))
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(END)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)


def _weights(tokens: list[tuple[str, gguf.TokenType, float]]) -> Iterator[tuple[str, Weights]]:
    random = np.random.default_rng(SEED)

    def draw(rows: int, columns: int, spread: float) -> Weights:
        return (random.standard_normal((rows, columns)) * spread).astype(np.float32)

    embedding = draw(len(tokens), WIDTH, 0.5)
    embedding[:, 0] = 4.0  # always there, so that column 0 of the output is a bias for each token
    yield "token_embd.weight", embedding
    yield "output_norm.weight", np.ones(WIDTH, np.float32)
    yield "output.weight", _output(draw(len(tokens), WIDTH, 0.4), tokens)
    for layer in range(LAYERS):
        for norm in ("attn_norm", "ffn_norm"):
            yield f"blk.{layer}.{norm}.weight", np.ones(WIDTH, np.float32)
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{layer}.{part}.weight", draw(WIDTH, WIDTH, 0.08)
        yield f"blk.{layer}.ffn_gate.weight", draw(HIDDEN, WIDTH, 0.08)
        yield f"blk.{layer}.ffn_up.weight", draw(HIDDEN, WIDTH, 0.08)
        yield f"blk.{layer}.ffn_down.weight", draw(WIDTH, HIDDEN, 0.08)


def _output(output: Weights, tokens: list[tuple[str, gguf.TokenType, float]]) -> Weights:
    """Whole words are likely, their beginnings, bytes and single characters are not; the end comes now and then."""
    words = {SPACE + word for word in WORDS}
    rare = np.array([text not in words for text, _, _ in tokens])
    output[rare] *= 0.1
    output[:, 0] = np.where(rare, -2.0, 0.0)
    output[END, 0] = END_BIAS
    return output


if __name__ == "__main__":
    write_model(Path(sys.argv[1]))
