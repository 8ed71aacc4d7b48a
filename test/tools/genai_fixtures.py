"""Makes test/fixtures/published/genai-{gemma,granite,nemotron,qwen3}: files of onnxruntime-genai's builder, with PyTorch's values.

Run with: python test/tools/genai_fixtures.py BUILDERS
(BUILDERS: the folder src/python/py/models of a checkout of onnxruntime-genai; needs torch and transformers.)
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import torch
import transformers as T

from published_models import first, weighted

TO = pathlib.Path(__file__).resolve().parents[1] / 'fixtures/published'
SIZES = dict(
    vocab_size=23, hidden_size=16, num_hidden_layers=1, num_attention_heads=1, num_key_value_heads=1, head_dim=16, intermediate_size=16,
    max_position_embeddings=16, bos_token_id=0, eos_token_id=0, pad_token_id=0, attn_implementation='eager', tie_word_embeddings=False,
)  # fmt: skip
MODELS = {
    'gemma': lambda: T.GemmaForCausalLM(T.GemmaConfig(**SIZES, hidden_act='gelu_pytorch_tanh')),
    # The multiplier of the embeddings is the root of their width: it alone does not tell Granite from Gemma.
    'granite': lambda: T.GraniteForCausalLM(
        T.GraniteConfig(**SIZES, residual_multiplier=0.5, logits_scaling=2.0, embedding_multiplier=4.0, attention_multiplier=0.3)
    ),
    # The builder writes this epsilon, whatever the configuration has.
    'nemotron': lambda: T.NemotronForCausalLM(T.NemotronConfig(**SIZES, partial_rotary_factor=1.0, norm_eps=1e-6)),
    # Its queries and keys are normed on the way to the attention, its values are not.
    'qwen3': lambda: T.Qwen3ForCausalLM(T.Qwen3Config(**SIZES)),
}
IDS = [[5, 9, 0, 12, 3]]


def record(model):
    ids, seen = torch.tensor(IDS), {}
    for path, module in model.named_modules():
        if path:
            module.register_forward_hook(lambda _m, _i, out, path=path: seen.__setitem__(path, first(out)))
    model.get_input_embeddings().requires_grad_(True)
    norms = {path: one for path, one in model.named_parameters() if path.endswith('norm.weight')}
    for one in norms.values():
        one.requires_grad_()
    logits = model(ids).logits
    loss = logits[0, -1].square().sum()
    gradients = torch.autograd.grad(loss, list(norms.values()), retain_graph=True)
    embedded = torch.autograd.grad(loss, seen['model.embed_tokens'])[0]
    values = lambda one: {'dims': list(one.shape), 'data': one.detach().flatten().tolist()}
    return {
        'ids': IDS,
        'outputs': {path: values(one) for path, one in seen.items() if path in ('model.embed_tokens', 'model.layers.0', 'model.norm', 'lm_head')},
        'logits': values(logits),
        'norms': {path: values(one) for path, one in norms.items()},
        'gradients': {path: values(one) for path, one in zip(norms, gradients)},
        'embedded': values(embedded),
    }


for name, make in MODELS.items():
    model = weighted(make())
    target = TO / f'genai-{name}'
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(f'{folder}/hf')
        for file in ('tokenizer.json', 'tokenizer_config.json'):
            shutil.copy(TO / 'genai-llama' / file, f'{folder}/hf')
        command = [sys.executable, f'{sys.argv[1]}/builder.py', '-i', f'{folder}/hf', '-m', '', '-o', str(target), '-p', 'fp32', '-e', 'cpu']
        subprocess.run(command, check=True, capture_output=True)
    for file in target.iterdir():
        if not file.name.startswith('model.onnx'):
            file.unlink()
    (target / 'ref.json').write_text(json.dumps(record(model)))
