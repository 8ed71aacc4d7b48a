"""Makes the models of published_models.py, published_more.py and published_seq2seq.py with PyTorch's gradients beside them.

Run with: python test/tools/published_gradients.py DIR [--genai BUILDERS] [--kinds KIND ...] [ARCHITECTURE ...]
DIR/ARCHITECTURE has what published_models.py writes, and grads.json with grads.bin: of several losses the gradients by
inputs, parameters and what modules were given and gave. `npm run published -- DIR --gradients` compares them with those of
the files.
"""

import argparse
import json
import logging
import pathlib

import numpy as np
import torch

import published_models as published
import published_more  # noqa: F401 (adds its architectures)
import published_seq2seq as seq2seq
from published_models import IDS, LAYERS, Values, cache_shapes, first, run, takes_positions, with_cache

KINDS = ['fp32', 'dynamo', 'extended']
PAST = 3


def losses(output, hidden):
    """What the driver computes of the same tensors, under the same names."""
    rows = output.reshape(-1, output.shape[-1])
    size = rows.shape[-1]
    flat = output.flatten()
    top, _ = rows.topk(min(2, size), -1)
    made = {
        'weighted': (flat * torch.arange(flat.numel(), dtype=flat.dtype).cos()).sum(),
        'difference': rows[-1, size - 1] - rows[-1, 0],
        'crossEntropy': torch.nn.functional.cross_entropy(rows, torch.arange(rows.shape[0]) % size),
        'logSoftmax': torch.log_softmax(rows, -1)[:, -1].sum(),
        'max': rows.max(-1).values.sum(),
        'topk': (top * torch.arange(1, top.shape[-1] + 1)).sum(),
    }
    if hidden is not None:
        made['norm'] = hidden.norm()
    return made


class Watched:
    """What modules were given and gave, and the gradients that arrive there."""

    def __init__(self, model, values):
        self.values, self.given, self.gave, self.hooks = values, {}, {}, []
        for path, module in model.named_modules():
            if path and not isinstance(module, (torch.nn.Dropout, torch.nn.Identity)):
                self.hooks.append(module.register_forward_pre_hook(self._before(path), with_kwargs=True, prepend=True))
                self.hooks.append(module.register_forward_hook(self._after(path), prepend=True))

    def _before(self, path):
        def hook(_module, args, kwargs):
            self._watch(self.given, path, first(list(args) + list(kwargs.values())))

        return hook

    def _after(self, path):
        def hook(_module, _inputs, output):
            self._watch(self.gave, path, first(output))

        return hook

    def _watch(self, all_calls, path, tensor):
        calls = all_calls.setdefault(path, [])
        if tensor is None or not tensor.is_floating_point():
            calls.append(None)
            return
        call = {'value': self.values.put(tensor), 'tensor': tensor, 'grad': None}
        calls.append(call)
        if tensor.requires_grad:
            # Of the tensor as it is now: what follows may change it in place.
            tensor.register_hook(lambda grad: call.update(grad=grad.detach().clone()))

    def told(self):
        """The gradients of a backward pass, which are forgotten."""
        found = {}
        for kind, all_calls in (('given', self.given), ('gave', self.gave)):
            found[kind] = {path: [None if one is None else {'value': one['value'], 'grad': self.values.put(one['grad'])} for one in calls] for path, calls in all_calls.items()}
            for calls in all_calls.values():
                for one in calls:
                    if one is not None:
                        one['grad'] = None
        return found

    def hidden(self, path):
        calls = self.gave.get(path, [])
        return calls[0]['tensor'] if len(calls) == 1 and calls[0] else None

    def end(self):
        for hook in self.hooks:
            hook.remove()


def record_run(model, values, inputs, forward, hidden):
    """The gradients of one way to call a model."""
    model.requires_grad_(True)
    for one in model.modules():
        if isinstance(one, torch.nn.Embedding):
            # A file does not tell which row of a table gets no gradient.
            one.padding_idx = None
    floats = {name: one.clone().requires_grad_(True) for name, one in inputs.items() if one.is_floating_point()}
    watched = Watched(model, values)
    with torch.enable_grad():
        output = forward({**inputs, **floats})
        made = losses(output, hidden and watched.hidden(hidden))
    watched.end()
    told = {
        'inputs': {name: {'dims': list(one.shape), 'dtype': str(one.dtype).removeprefix('torch.'), 'data': one.flatten().tolist()} for name, one in inputs.items()},
        'output': values.put(output),
        'hidden': hidden if 'norm' in made else None,
        'losses': {},
    }
    for name, loss in made.items():
        model.zero_grad(set_to_none=True)
        for one in floats.values():
            one.grad = None
        loss.backward(retain_graph=True)
        told['losses'][name] = {
            'loss': loss.item(),
            **watched.told(),
            'inputs': {key: values.put(one.grad) for key, one in floats.items()},
            'parameters': {path: values.put(one.grad) for path, one in model.named_parameters(remove_duplicate=False)},
        }
    model.zero_grad(set_to_none=True)
    model.requires_grad_(False)
    return told


def record(folder, model, spec):
    own_record(folder, model, spec)
    values = Values()
    paths = spec['writes'] if spec['writes'] != 'all' else middle(model)
    hidden = paths[0] if paths else None
    runs = {'plain': record_run(model, values, spec['inputs'], lambda inputs: first(run(model, {**spec, 'inputs': inputs})), hidden)}
    if spec['decodes']:
        try:
            runs['cached'] = record_run(model, values, *cached(model), hidden)
        except Exception as error:
            print('no cache', type(error).__name__, str(error)[:200])
    write(folder, values, runs)


def record_seq2seq(folder, model, inputs, writes):
    own_seq2seq_record(folder, model, inputs, writes)
    values = Values()
    start = model.config.decoder_start_token_id
    given = {**inputs, 'decoder_input_ids': torch.tensor([[start, 12, 55], [start, 1, 2]])}
    write(folder, values, {'plain': record_run(model, values, given, lambda given: model(**given, use_cache=False).logits, writes[0])})


def write(folder, values, runs):
    np.concatenate(values.all).astype('<f4').tofile(folder / 'grads.bin')
    (folder / 'grads.json').write_text(json.dumps(runs))


def middle(model):
    """The path of a layer in the middle."""
    lists = [(path, one) for path, one in model.named_modules() if isinstance(one, torch.nn.ModuleList) and len(one) > 1]
    return [f'{lists[0][0]}.{len(lists[0][1]) // 2}'] if lists else []


def cached(model):
    """Inputs with key-value caches, as optimum's files take them."""
    generator = torch.Generator().manual_seed(6)
    positions = torch.arange(IDS.shape[1]).expand(2, -1) + PAST
    inputs = {'input_ids': IDS, 'attention_mask': torch.ones(2, PAST + IDS.shape[1], dtype=torch.int64)}
    if takes_positions(model):
        inputs['position_ids'] = positions.clone()
    for layer in range(LAYERS):
        for kind, shape in zip(('key', 'value'), cache_shapes(model, 2, PAST)):
            inputs[f'past_key_values.{layer}.{kind}'] = torch.randn(shape, generator=generator) * 0.5
    forward = with_cache(model)

    def call(given):
        past = [one for name, one in given.items() if name.startswith('past_key_values')]
        return forward(given['input_ids'], given['attention_mask'], positions, *past)[0]

    return inputs, call


own_record = published.record
published.record = record
own_seq2seq_record = seq2seq.record
seq2seq.record = record_seq2seq


if __name__ == '__main__':
    logging.disable(logging.WARNING)
    parser = argparse.ArgumentParser()
    parser.add_argument('dir', type=pathlib.Path)
    parser.add_argument('architectures', nargs='*')
    parser.add_argument('--genai', type=pathlib.Path)
    parser.add_argument('--kinds', nargs='*', default=KINDS)
    options = parser.parse_args()
    for name in options.architectures or [*published.ARCHITECTURES, *seq2seq.ARCHITECTURES]:
        try:
            if name in seq2seq.ARCHITECTURES:
                seq2seq.make(name, options.dir)
            else:
                published.make(name, options)
        except Exception as error:
            print(name, f'{type(error).__name__}: {str(error)[-300:]}', flush=True)
