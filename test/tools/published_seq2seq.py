"""Makes small random encoder-decoders in the kinds of files that people publish, beside those of published_models.py.

Run with: python test/tools/published_seq2seq.py DIR [ARCHITECTURE ...]
DIR/ARCHITECTURE has what published_models.py writes; each kind is a folder of files as optimum has them, and its tokens.json
the tokens that a loop by hand over plain ONNX Runtime takes from its encoder and decoder.
"""

import argparse
import copy
import json
import pathlib
import shutil

import numpy as np
import onnx
import onnxruntime as ort
import torch
import transformers as T

import seq2seq_fixtures as seq2seq
from published_models import Values, four_bits, half, kept, make_int8, optimized, weighted, write_hook

IDS = torch.tensor([[42, 65, 7, 88, 120], [33, 61, 9, 2, 1]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 1]])
TEXT = {'input_ids': IDS, 'attention_mask': MASK}
SOUND = {'input_features': torch.randn(2, 80, 100, generator=torch.Generator().manual_seed(5))}
STEPS = 8


def widened(make):
    """One of the small models with a width at which rounded weights still tell their modules apart."""
    model = make()
    config = copy.deepcopy(model.config)
    for key, size in dict(d_model=64, d_kv=16, d_ff=128, encoder_ffn_dim=128, decoder_ffn_dim=128).items():
        if hasattr(config, key):
            setattr(config, key, size)
    return type(model)(config)


SMALL = dict(
    vocab_size=seq2seq.VOCABULARY, d_model=16, encoder_layers=seq2seq.LAYERS, decoder_layers=seq2seq.LAYERS, encoder_attention_heads=2,
    decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=64, pad_token_id=1, eos_token_id=2,
)  # fmt: skip


def marian():
    return T.MarianMTModel(T.MarianConfig(**SMALL, decoder_vocab_size=seq2seq.VOCABULARY, bos_token_id=0, decoder_start_token_id=1))


def pegasus():
    return T.PegasusForConditionalGeneration(T.PegasusConfig(**SMALL, bos_token_id=0, decoder_start_token_id=1))


def mt5():
    config = T.MT5Config(
        vocab_size=seq2seq.VOCABULARY, d_model=16, d_kv=8, d_ff=32, num_layers=seq2seq.LAYERS, num_decoder_layers=seq2seq.LAYERS, num_heads=2,
        pad_token_id=0, eos_token_id=1, decoder_start_token_id=0,
    )  # fmt: skip
    return T.MT5ForConditionalGeneration(config)


ARCHITECTURES = {
    't5': (seq2seq.t5, TEXT, ['encoder.block.1', 'decoder.block.0', 'decoder.block.1.layer.1.EncDecAttention']),
    'mt5': (mt5, TEXT, ['encoder.block.1', 'decoder.block.0', 'decoder.block.1.layer.1.EncDecAttention']),
    'marian': (marian, TEXT, ['model.encoder.layers.1', 'model.decoder.layers.0', 'model.decoder.layers.1.encoder_attn']),
    'pegasus': (pegasus, TEXT, ['model.encoder.layers.1', 'model.decoder.layers.0', 'model.decoder.layers.1.encoder_attn']),
    'bart': (seq2seq.bart, TEXT, ['model.encoder.layers.1', 'model.decoder.layers.0', 'model.decoder.layers.1.encoder_attn']),
    'whisper': (seq2seq.whisper, SOUND, ['model.encoder.layers.1', 'model.decoder.layers.0', 'model.decoder.layers.1.encoder_attn']),
}


@torch.no_grad()
def record(folder, model, inputs, writes):
    start = model.config.decoder_start_token_id
    given = {**inputs, 'decoder_input_ids': torch.tensor([[start, 12, 55], [start, 1, 2]])}
    run = lambda: model(**given, use_cache=False).logits
    seen, hooks, values = {}, [], Values()
    for path, module in model.named_modules():
        if path and not isinstance(module, (torch.nn.Dropout, torch.nn.Identity)):
            hooks.append(module.register_forward_hook(lambda _m, _i, out, path=path: seen.setdefault(path, []).append(kept(out))))
    output = run()
    for hook in hooks:
        hook.remove()
    data = lambda one: {'dims': list(one.shape), 'dtype': str(one.dtype).removeprefix('torch.'), 'data': one.flatten().tolist()}
    told = {
        'inputs': {name: data(one) for name, one in given.items()},
        'output': values.put(output),
        'modules': {path: [values.put(one) for one in calls] for path, calls in seen.items()},
        'writes': [],
        'encoderDecoder': {name: data(one[:1]) for name, one in inputs.items()},
    }
    for path in writes:
        hook = write_hook(model, path)
        told['writes'].append({'path': path, 'op': 'scale', 'output': values.put(run())})
        hook.remove()
    np.concatenate(values.all).astype('<f4').tofile(folder / 'ref.bin')
    (folder / 'ref.json').write_text(json.dumps(told))


def by_hand(folder, inputs, start):
    """Greedy tokens of the first row, the decoder on all tokens in each step."""
    sessions = [ort.InferenceSession(str(folder / f'{name}.onnx'), providers=['CPUExecutionProvider']) for name in ('encoder_model', 'decoder_model')]
    given = {name: one[:1].numpy() for name, one in inputs.items()}
    half = {one.name for one in sessions[0].get_inputs() if one.type == 'tensor(float16)'}
    states = sessions[0].run(['last_hidden_state'], {name: one.astype(np.float16) if name in half else one for name, one in given.items()})[0]
    tokens = [start]
    takes = {one.name for one in sessions[1].get_inputs()}
    for _ in range(STEPS):
        feeds = {'input_ids': np.array([tokens]), 'encoder_hidden_states': states, 'encoder_attention_mask': given.get('attention_mask')}
        logits = sessions[1].run(['logits'], {name: one for name, one in feeds.items() if name in takes})[0]
        tokens.append(int(logits[0, -1].argmax()))
    return tokens[1:]


KINDS = {
    'fp32': shutil.copy,
    'fp16': lambda source, target: onnx.save(half(onnx.load(source)), target),
    'q4': lambda source, target: onnx.save(four_bits(source), target),
    'q4f16': lambda source, target: onnx.save(half(four_bits(source)), target),
    'int8': lambda source, target: make_int8(source, target, None),
    'extended': lambda source, target: optimized('EXTENDED')(source, target, None),
}


def make(name, to):
    build, inputs, writes = ARCHITECTURES[name]
    folder = to / name
    shutil.rmtree(folder, ignore_errors=True)
    source = folder / 'source'
    source.mkdir(parents=True)
    model = weighted(widened(build))
    model.set_attn_implementation('eager')
    # A loop by hand knows no rules of tokens.
    for rule in ('forced_bos_token_id', 'forced_eos_token_id', 'suppress_tokens', 'begin_suppress_tokens', 'bad_words_ids'):
        setattr(model.generation_config, rule, None)
        if getattr(model.config, rule, None) is not None:
            setattr(model.config, rule, None)
    record(folder, model, inputs, writes)
    seq2seq.export_all(model, source)
    kinds = {}
    for kind, convert in [*KINDS.items(), ('merged', None)]:
        target = folder / kind
        try:
            (target / 'onnx').mkdir(parents=True)
            for file in source.iterdir():
                (convert or shutil.copy)(str(file), str(target / 'onnx' / file.name))
            (target / 'tokens.json').write_text(json.dumps(by_hand(target / 'onnx', inputs, model.config.decoder_start_token_id)))
            if kind == 'merged':
                seq2seq.merge(target / 'onnx')
            model.config.save_pretrained(target)
            model.generation_config.save_pretrained(target)
            for file in ('tokenizer.json', 'tokenizer_config.json'):
                shutil.copy(seq2seq.TOKENIZER / file, target)
            kinds[kind] = 'made'
        except Exception as error:
            kinds[kind] = f'{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}'
        print(name, kind, kinds[kind], flush=True)
    (folder / 'kinds.json').write_text(json.dumps(kinds, indent=1))


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('dir', type=pathlib.Path)
    parser.add_argument('architectures', nargs='*')
    options = parser.parse_args()
    for name in options.architectures or ARCHITECTURES:
        make(name, options.dir)
