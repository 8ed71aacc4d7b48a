"""Writes test/fixtures/language/sampling.json: what transformers' logits processors make of rows of logits.

Run with: python test/tools/sampling_fixtures.py (needs torch and transformers).
"""

import json
import pathlib

import torch
from transformers.generation.logits_process import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

torch.manual_seed(0)
wide = torch.randn(40) * 3
flat = torch.randn(40) * 0.1
tied = torch.tensor([1.0, 3.0, 3.0, -2.0, 3.0, 0.5, 0.5, -1.0])
peaked = torch.tensor([0.0, 20.0, 1.0, -3.0])
previous = [3, 7, 7, 1]

OPTIONS = [
    {},
    {'temperature': 0.5},
    {'temperature': 2.5},
    {'topK': 1},
    {'topK': 2},
    {'topK': 5},
    {'topK': 1000},
    {'topP': 1.0},
    {'topP': 0.9},
    {'topP': 0.3},
    {'topP': 0.001},
    {'repetitionPenalty': 1.3},
    {'repetitionPenalty': 0.8},
    {'temperature': 0.7, 'topK': 10, 'topP': 0.8},
    {'temperature': 1.5, 'topK': 3, 'topP': 0.95, 'repetitionPenalty': 1.7},
]


def processors(options):
    made = LogitsProcessorList()  # The order of GenerationMixin._get_logits_processor.
    if 'repetitionPenalty' in options:
        made.append(RepetitionPenaltyLogitsProcessor(penalty=options['repetitionPenalty']))
    if 'temperature' in options:
        made.append(TemperatureLogitsWarper(options['temperature']))
    if 'topK' in options:
        made.append(TopKLogitsWarper(top_k=options['topK']))
    if 'topP' in options:
        made.append(TopPLogitsWarper(top_p=options['topP']))
    return made


cases = []
for name, logits in {'wide': wide, 'flat': flat, 'tied': tied, 'peaked': peaked}.items():
    for options in OPTIONS:
        if name == 'tied' and 'topP' in options:
            continue  # Which of equal tokens stay is up to torch.sort, which is not stable.
        tokens = [id for id in previous if id < len(logits)]
        scores = processors(options)(torch.tensor([tokens]), logits[None].clone())
        probabilities = scores.softmax(-1)[0]
        cases.append({
            'name': name,
            'options': options,
            'logits': logits.tolist(),
            'previous': tokens,
            'probabilities': probabilities.tolist(),
            'greedy': int(scores.argmax()),
        })
target = pathlib.Path(__file__).resolve().parents[1] / 'fixtures/language/sampling.json'
target.write_text(json.dumps(cases) + '\n')
print(len(cases))
