"""Writes test/fixtures/language/tokenizers.json: small tokenizers of the usual kinds, and what Python's tokenizers
library makes of token ids.

Run with: python test/tools/tokenizer_fixtures.py (needs tokenizers).
"""

import json
import pathlib
import random

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

CORPUS = [
    'When Mary and John went to the store, John gave a drink to Mary. It\'s what they don\'t do twice!',
    'naïve café déjà vu — “quoted” … ½ € 10 000',
    'Привет, мир! 你好，世界。 こんにちは',
    'emoji 👩‍👩‍👧‍👦 👍🏽 🇨🇭 and\ttabs\n\nand  spaces   ',
    'def f(x):\n    return x ** 2  # squared',
] * 3
TEXTS = CORPUS[:5] + [' leading space', 'x', '🦊🦊', 'a👍b', '!?', 'ends with space ']
SPECIAL = ['<|end|>']


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=340, initial_alphabet=alphabet, special_tokens=SPECIAL)
    )
    return tokenizer


def metaspace():
    """As Llama 2 and Gemma have it: bytes for what the vocabulary lacks, and a space put before the text."""
    pieces = SPECIAL + ['<unk>'] + [f'<0x{byte:02X}>' for byte in range(256)]
    words = ['▁', 'e', 't', 'o', 'a', 'n', 'i', 'h', 'r', 's', 'd', 'l', 'y', 'w', 'x', 'M', 'J', '.', ',', '!', '?']
    merges = [('t', 'h'), ('th', 'e'), ('▁', 'the'), ('▁', 'a'), ('▁a', 'n'), ('▁an', 'd'), ('o', 'n'), ('e', 'n')]
    vocab = {piece: id for id, piece in enumerate(pieces + words + [a + b for a, b in merges])}
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token='<unk>', byte_fallback=True, fuse_unk=True))
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend('▁'), normalizers.Replace(' ', '▁')])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace('▁', ' '), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(' ', 1, 0)]
    )
    return tokenizer


def word_piece():
    tokenizer = Tokenizer(models.WordPiece(unk_token='[UNK]'))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=240, special_tokens=['[UNK]'] + SPECIAL))
    return tokenizer


random.seed(0)
kinds = []
for name, tokenizer in {'byte-level': byte_level(), 'metaspace': metaspace(), 'word-piece': word_piece()}.items():
    rows = [tokenizer.encode(text).ids for text in TEXTS]
    if name == 'byte-level':  # Also what a model could say: any tokens, most of them no whole characters.
        rows += [[random.randrange(tokenizer.get_vocab_size()) for _ in range(30)] for _ in range(20)]
    end = tokenizer.token_to_id(SPECIAL[0])
    rows += [[*rows[0], end], [end, *rows[1], end, *rows[2]]]
    cases = [
        {'ids': ids, 'text': tokenizer.decode(ids), 'withSpecial': tokenizer.decode(ids, skip_special_tokens=False)}
        for ids in rows
    ]
    kinds.append({'name': name, 'tokenizer': json.loads(tokenizer.to_str()), 'texts': TEXTS, 'cases': cases})
target = pathlib.Path(__file__).resolve().parents[1] / 'fixtures/language/tokenizers.json'
target.write_text(json.dumps(kinds, ensure_ascii=False) + '\n')
print(target.stat().st_size)
