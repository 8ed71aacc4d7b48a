"""Random programs with gradients on the toy GPT-2, with what PyTorch makes of them: branches and loops in both directions, writes,
several passes, parameters.

usage: python test/tools/gradient_programs.py [first count path], in the folder of the package
Needs torch, onnx. With arguments other programs, into another file: PROGRAMS=path npx vitest run test/gradients/programs.test.ts
"""
import json
import os
import random
import re
import sys

import onnx
import torch
from onnx import numpy_helper

COUNT, TRIALS = 40, 5
FOLDER, FIXTURES = 'models/toy-gpt2', 'test/fixtures/gradients'
weights = {w.name: torch.tensor(numpy_helper.to_array(w)) for w in onnx.load(f'{FOLDER}/model.onnx').graph.initializer}
IDS = json.load(open(f'{FIXTURES}/toy.json'))['ids']['clean'][:6]
OUTSIDE = {
    'p': [[.5, -1, .25, 2], [1.5, .75, -.5, 1], [-.25, 1, 2, -1]], 'q': [1, -.5, 2, .75], 's': .8,
    'w': [[.2, -.4, .6, .1], [-.3, .5, .1, -.2], [.7, -.1, .4, .3], [-.6, .2, -.5, .8]],
}


class Model:
    """The toy GPT-2, module by module."""
    def __init__(self):
        self.weight = {name: one.clone().requires_grad_() for name, one in weights.items() if one.is_floating_point()}
        get = self.weight.__getitem__
        self.wte_weight, self.wpe_weight, self.ln_f_weight = get('transformer.wte.weight'), get('transformer.wpe.weight'), get('transformer.ln_f.weight')
        self.fc_weight = get('transformer.h.2.mlp.c_fc.weight')

    # No view: what is written to a part of it counts for the whole.
    def wte(self): return self.wte_weight[torch.tensor([IDS])]

    def enter(self, x): return x + self.wpe_weight[:len(IDS)]

    def norm(self, x, name): return torch.nn.functional.layer_norm(x, (128,), self.weight[f'{name}.weight'], self.weight[f'{name}.bias'])

    def conv(self, x, name): return x @ self.weight[f'{name}.weight'] + self.weight[f'{name}.bias']

    def h(self, i, x):
        name = f'transformer.h.{i}'
        y = self.norm(x, f'{name}.ln_1')
        q, k, v = (part.view(1, -1, 4, 32).transpose(1, 2) for part in self.conv(y, f'{name}.attn.c_attn').split(128, -1))
        scores = (q @ k.transpose(-1, -2) / 32 ** .5).masked_fill(torch.ones(len(IDS), len(IDS)).triu(1).bool(), -1e30)
        x = x + self.conv((scores.softmax(-1) @ v).transpose(1, 2).reshape(1, -1, 128), f'{name}.attn.c_proj')
        y = torch.nn.functional.gelu(self.conv(self.norm(x, f'{name}.ln_2'), f'{name}.mlp.c_fc'), approximate='tanh')
        return x + self.conv(y, f'{name}.mlp.c_proj')

    def ln_f(self, x): return self.norm(x, 'transformer.ln_f')

    def head(self, x): return x @ self.wte_weight.t()


class Trace:
    """Passes as a block has them: `grad` is by the last one that was opened."""
    def __init__(self, parameters):
        self.parameters, self.total, self.last = parameters, {}, None

    def run(self, by, loss, gradient=None, sets=(), unused=False):
        if gradient is None and loss.numel() != 1: raise RuntimeError('not one element')
        hooks = [x.register_hook(change) for x, change in sets]
        gradient = torch.ones_like(loss) if gradient is None else gradient
        found = torch.autograd.grad(loss, by, gradient, create_graph=True, retain_graph=True, allow_unused=unused)
        for hook in hooks: hook.remove()
        return found

    def backward(self, loss, gradient=None, sets=()):
        self.last = (loss, gradient, sets)
        for name, one in self.parameters.items():
            [found] = self.run([one], *self.last, unused=True)
            if found is not None: self.total[name] = self.total.get(name, 0) + found.detach()

    def grad(self, x):
        if self.last is None: raise RuntimeError('no pass')
        return self.run([x], *self.last)[0]

    def grads(self, loss, by, unused=False, zeros=False):
        found = self.run(by, loss, None, (), unused or zeros)
        return [torch.zeros_like(x) if zeros and g is None else g for x, g in zip(by, found)]


def changed(g, at, value):
    g = g.clone()
    g[at] = value
    return g


F = torch.nn.functional
SCOPE = {
    'torch': torch, 'changed': changed, 'true': True, 'false': False,
    **{name: getattr(torch, name) for name in 'tanh sin cos sigmoid exp relu abs sqrt square log softmax cumsum flip matmul clamp lerp where maximum minimum mean norm cat stack gather sort tril amax logsumexp clone zeros_like einsum'.split()},
    'gelu': F.gelu, 'silu': F.silu, 'softplus': F.softplus, 'normalize': lambda x: F.normalize(x, dim=-1),
    'sum': torch.sum, 'max': torch.max, 'argmax': torch.argmax, 'topk': torch.topk, 'logSoftmax': F.log_softmax,
    'layerNorm': lambda x, n, w: F.layer_norm(x, (n,), w), 'detach': lambda x: x.detach().requires_grad_(),
    'double': lambda x: x.double(), 'float': lambda x: x.float(), 'long': lambda x: x.long(), 'scatterAdd': torch.scatter_add, 'remainder': torch.remainder,
    'indexSelect': torch.index_select, 'variance': torch.var, 'std': torch.std, 'crossEntropy': lambda x, at: F.cross_entropy(x, torch.tensor(at)),
    'expand': lambda x, sizes: x.expand(sizes), 'round': torch.round,
}

# {M}: [3, 4]; {R}: [4]; {C}: [3, 1]; {S}: []; {n}: a number.
EXPRESSIONS = {
    'M': [
        'tanh({M})', 'sin({M})', 'sigmoid({M})', 'exp(tanh({M}))', 'relu({M})', 'abs({M})', 'sqrt(square({M}) + 0.5)', 'gelu({M})', 'silu({M})',
        'softplus({M})', 'log(abs({M}) + 1)', '{M} + {M}', '{M} * {M}', '{M} - {R}', '{R} * {M}', '{M} / (square({C}) + 0.5)', '{C} * {R}',
        '{M} * {S}', '{S} - {M}', '{n} * {M}', 'maximum({M}, {R})', 'minimum({M}, {M})', 'where({M} > {M}, {M}, {R})', 'where({M} > {n}, {M} * {n}, {n})',
        'clamp({M}, -{n}, {n})', 'lerp({M}, {M}, {n})', 'lerp({M}, {R}, {S})', 'softmax({M}, -1)', 'softmax({M}, 0)', 'logSoftmax({M}, -1)', 'cumsum({M}, 0)',
        'cumsum({M}, 1)', 'flip({M}, [1])', 'layerNorm({M}, 4, {R})', 'normalize({M})', 'matmul({M}, w)', 'matmul(matmul({M}, {M}.t()), {M}) * 0.2',
        'einsum(\'ij,kj,kl->il\', {M}, {M}, {M}) * 0.2', 'cat([{M}[\':, 2:\'], {M}[\':, :2\']], 1)', 'cat([{M}[\'1:\'], {R}.unsqueeze(0)], 0)', 'stack([{R}, {R}, {R}], 0)',
        'stack([{C}[\':, 0\'], {C}[\':, 0\'], {M}[\':, 1\'], {M}[\':, -1\']], 1)', '{M}[k]', '{M}[\':, [1, 0, 3, 3]\']', 'gather({M}, 1, j)', 'gather({M}, 0, j)', 'indexSelect({M}, 0, k)',
        'scatterAdd({M}, 1, j, {M})', 'sort({M}, 1).values', '{M} * topk({M}, 1, 1).values', 'gather({M}, 1, topk({M}, 4, 1).indices)', '{M}.t().reshape(3, 4)', 'expand({R}, [3, 4])',
        'tril({M})', 'detach({M})', '{M} * detach({M})', '{M} * round({M})', '{M} - max({M}, 1, true).values', 'float(double({M}) * {M})', 'float(double({M}))', '{M} * long({M})',
        '{M} * std({M}, 1).unsqueeze(1)', '{M} + variance({M}, 0)', '{M}[\'...\']', '{M}.unsqueeze(0).squeeze(0)', 'clone({M})', '{M}[\'[2, 0, 0]\']', '{M}[\'::2\'][\'[1, 0, 1]\']',
        '{M} ** 2', 'abs({M}) ** 1.5', '{M}.reshape(2, 6).reshape(3, 4)', 'matmul({M}, matmul({M}.t(), {M})) * 0.2', '({M} > {S}) * {M}', 'remainder({M}, 2)',
    ],
    'R': [
        '{M}[1]', '{M}[\'-1\']', 'sum({M}, 0)', 'mean({M}, 0)', 'amax({M}, 0)', 'max({M}, 0).values', '{R} * {R}', '{R} + {S}', 'tanh({R})', '{R} * {n}', '{M}[argmax(norm({M}, 2, -1))]',
        'softmax({R}, 0)', 'matmul(w, {R})', 'logsumexp({M}, 0)', '{M}[\'[0, 2]\'][1]', 'sort({R}, 0).values', 'cat([{R}[\'2:\'], {R}[\':2\']], 0)', '{R}[\'[3, 1, 1, 0]\']', 'norm({M}, 2, 0)',
        'float(double({R}) * 2)', 'detach({R})', 'matmul({C}.t(), {M})[0]', 'where({R} > 0, {R}, {S})', 'cumsum({R}, 0)', '{M}.flatten()[\'2:6\']',
    ],
    'C': ['sum({M}, 1, true)', 'mean({M}, 1, true)', '{M}[\':, 1:2\']', 'max({M}, 1, true).values', '{C} * {C}', 'tanh({C})', '{M}[\':, [2]\']', 'matmul({M}, {R}).unsqueeze(1)', '{C} + {S}', 'norm({M}, 2, 1, true)', 'softmax({C}, 0)'],
    'S': ['sum({M})', 'mean({M})', 'mean({R})', 'sum({M} * {M}) * 0.2', '{M}[\'0, 1\']', '{R}[2]', 'norm({M})', '{S} * {S}', 'tanh({S})', 'max({M})', 'sum({C})', '{S} + {n}', 'logsumexp({R}, 0)', 'matmul({R}, {R})', 'crossEntropy({M}, [1, 0, 3])', 'mean({M}[{M} > 0])', 'variance({M})'],
}
SLICES = {
    'M': [("'0'", 'R'), ("'-1'", 'R'), ("':, 1:2'", 'C'), ("':, -1:'", 'C'), ("'1, 2'", 'S'), ("'..., ::2'", 'S'), ("k", 'M'), ("k", 'R'), ("'1:'", 'R'), ("':'", 'M')],
    'R': [("2", 'S'), ("'1:3'", 'S'), ("':'", 'R'), ("'[0, 3]'", 'S')],
    'C': [("'0'", 'S'), ("':'", 'C')],
}
MODULES = [('wte.output', 'e'), ('h[0].output', 'h0'), ('h[2].output', 'h2'), ('ln_f.output', 'f'), ('lm_head.output', 'z')]


class Program:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.typescript, self.python = [], []
        self.depth = self.count = 0
        self.variables = {'M': ['p'], 'R': ['q'], 'C': [], 'S': ['s']}
        self.saved, self.isRow, self.earlier = [], set(), set()
        self.kinds = set()
        self.forward()
        for _ in range(self.random.choice([1, 1, 2, 2, 3])): self.passes()
        self.line(f"return {{ {', '.join(f'{name}: save({name})' for name in self.saved)} }};", '')

    def line(self, typescript, python=None):
        self.typescript.append('  ' * self.depth + typescript)
        text = python if python is not None else self.as_python(typescript)
        if text: self.python.append('  ' * self.depth + text)

    def as_python(self, text):
        for one, other in MODULES: text = text.replace(one, other)
        text = re.sub(r"\['([^']*)'\]", r'[\1]', re.sub(r'^(let|const) ', '', text.rstrip(';')))
        text = text.replace('lm.transformer.h[2].mlp.c_fc.weight', 'm.fc_weight').replace('ln_f.weight', 'm.ln_f_weight').replace('wte.weight', 'm.wte_weight')
        return text.replace('.clone()', '.clone()').replace('&&', 'and').replace('||', 'or')

    def name(self, letter='v'):
        self.count += 1
        return f'{letter}{self.count}'

    def atom(self, kind, depth=0):
        if kind == 'n': return str(self.random.choice([.5, 1, 1.5, 2, .25]))
        known = self.variables[kind]
        if known and (depth > 1 or self.random.random() < .75):
            return known[-1] if self.random.random() < .4 else self.random.choice(known)
        if kind == 'S' and depth > 1: return 's'
        return f'({self.expression(kind, depth + 1)})'

    def expression(self, kind, depth=0):
        text = self.random.choice(EXPRESSIONS[kind])
        return re.sub(r'\{(\w)\}', lambda match: self.atom(match[1], depth), text)

    def new(self, kind, text=None):
        text = text or self.expression(kind)
        name = self.name()
        self.line(f'let {name} = {text};')
        self.variables[kind].append(name)
        return name

    def condition(self):
        return f"{self.random.choice(['sum', 'mean', 'norm'])}({self.atom(self.random.choice('MR'), 2)}) {self.random.choice('><')} {self.random.choice([0, 0, .5, 1, 2, -1])}"

    def own(self):
        return [(kind, name) for kind in 'MRC' for name in self.variables[kind] if name not in 'pq' and name not in self.isRow]

    def statement(self, isInner=False):
        kind = self.random.random()
        own = self.own()
        writable = [(what, name) for what, name in own if name not in self.earlier]
        if kind < .15 and writable:
            what, name = self.random.choice(writable)
            text, fill = self.random.choice(SLICES[what])
            operator = self.random.choice(['=', '=', '+=', '*='])
            self.kinds.add('write')
            self.line(f'{name}[{text}] {operator} {self.atom(fill, 1) if self.random.random() < .7 else self.atom("n")};')
        elif kind < .2 and writable:
            what, name = self.random.choice(writable)
            self.line(f'{name}[{name} > {self.atom("n")}] = {self.atom("n")};')
        elif kind < (.6 if isInner else .3) and own:
            what, name = self.random.choice(own)
            self.line(f'{name} = {self.expression(what)};')
        elif kind < .42 and not isInner or isInner and kind < .65 and self.depth < 3:
            self.control()
        else:
            self.new(self.random.choice('MMMMRRCS'))

    def body(self, count=None, row=None):
        before = {kind: list(names) for kind, names in self.variables.items()}
        self.depth += 1
        if row: self.variables['R'].append(row); self.isRow.add(row)
        for _ in range(count or self.random.randint(1, 2)): self.statement(True)
        self.depth -= 1
        self.variables = before

    def control(self):
        kind = self.random.choice(['if', 'if', 'else', 'chain', 'rows', 'while', 'for', 'switch'])
        self.kinds.add(kind)
        if kind in ('if', 'else', 'chain'):
            condition = self.condition()
            self.line(f'if ({condition}) {{', self.as_python(f'if {condition}:'))
            self.body()
            for _ in range(self.random.randint(1, 4) if kind == 'chain' else 0):
                condition = self.condition()
                self.line(f'}} else if ({condition}) {{', self.as_python(f'elif {condition}:'))
                self.body()
            if kind != 'if':
                self.line('} else {', 'else:')
                self.body()
        elif kind == 'rows':
            rows, row = self.atom('M', 2), self.name('r')
            self.line(f'for (let {row} of {rows}) {{', f'for {row} in {rows}:')
            self.body(row=row)
        elif kind == 'while':
            what = [name for kind, name in self.own() if kind != 'C']
            if not what: return self.new('M')
            y, n = self.random.choice(what), self.name('n')
            self.line(f'let {n} = 0;')
            self.line(f'while ({n} < 4 && norm({y}) > {self.atom("n")}) {{', f'while {n} < 4 and norm({y}) > {self.atom("n")}:')
            # The condition of both is the same.
            limit = re.search(r'norm\(\w+\) > ([\d.]+)', self.typescript[-1])[1]
            self.python[-1] = re.sub(r'> [\d.]+:$', f'> {limit}:', self.python[-1])
            self.body(1)
            self.depth += 1
            self.line(f'{y} = {y} * 0.6 + tanh({y}) * 0.1;')
            self.line(f'{n}++;', f'{n} += 1')
            self.depth -= 1
        elif kind == 'for':
            i = self.name('i')
            self.line(f'for (let {i} = 0; {i} < 2; {i}++) {{', f'for {i} in range(2):')
            self.body()
        else:
            value, found = self.atom('R', 2), self.name('c')
            self.line(f'switch (argmax({value})) {{', f'{found} = int(argmax({value}))')
            for case in self.random.sample(range(4), 2):
                self.line(f'case {case}: {{', f'if {found} == {case}:')
                self.body()
                self.line('break; }', '')
                self.python.append('  ' * self.depth + 'else:')
                self.depth += 1
            self.line('default: {', 'if True:')
            self.body()
            self.depth -= 2
            self.line('} }', '')
            return
        self.line('}', '')

    def forward(self):
        self.line('', 'e = m.wte()')
        used = self.random.sample(range(4), self.random.randint(1, 3))
        rest = ['', 'h0 = m.h(0, m.enter(e))', 'h2 = m.h(2, m.h(1, h0))', 'f = m.ln_f(m.h(3, h2))', 'z = m.head(f)']
        for i, (one, _) in enumerate(MODULES):
            if rest[i]: self.line('', rest[i])
            # What a module gave is not changed once the next one has run.
            self.earlier |= {name for names in self.variables.values() for name in names}
            if i not in used and i != 4: continue
            if i == 4:
                self.new('M', "lm_head.output['0, -3:, :4']")
                self.new('R', "lm_head.output['0, -1, 4:8']")
            else:
                scale = self.random.choice(['', ' * 0.5', ' * 0.1'])
                self.new('M', f"{one}['0, {self.random.choice([':3', '1:4', '-3:'])}, :4']{scale}")
                if self.random.random() < .4: self.new('R', f"{one}['0, -1, 4:8']{scale}")
            for _ in range(self.random.randint(1, 4)): self.statement()
            if i < 4 and self.random.random() < .5:
                self.kinds.add('module')
                at, kind = self.random.choice([("'0, :3, :4'", 'M'), ("'0, -1, :4'", 'R'), ("'0, -2:, 8'", 'S'), ("'0, -1'", 'S')])
                choice = self.random.random()
                if choice < .6: self.line(f"{one}[{at}] {self.random.choice(['=', '+='])} {self.atom(kind, 1)};")
                elif choice < .8: self.line(f'{one} = {one} * {self.atom("S", 1)};')
                else:
                    condition = self.condition()
                    self.line(f'if ({condition}) {{', self.as_python(f'if {condition}:'))
                    self.depth += 1
                    self.line(f'{one}[{at}] += {self.atom(kind, 1)};')
                    self.depth -= 1
                    self.line('}', '')

    def loss(self):
        own = [name for kind in 'MRCS' for name in self.variables[kind]]
        chosen = self.random.sample(own, min(len(own), self.random.randint(1, 3)))
        parts = [self.random.choice(['sum({})', 'mean(square({}))', 'sum(tanh({}))', 'sum({} * {})']).replace('{}', one) for one in chosen]
        if self.random.random() < .6: parts.append("lm_head.output['0, -1, 5']")
        if self.random.random() < .3: parts.append('norm(ln_f.output)')
        return ' + '.join(parts)

    def by(self):
        own = [(kind, name) for kind in 'MRCS' for name in self.variables[kind]]
        if self.random.random() < .65: return self.random.choice(own)
        return None, self.random.choice([one for one, _ in MODULES] + ['ln_f.weight', 'lm.transformer.h[2].mlp.c_fc.weight', 'wte.weight'])

    def read(self, kind, text, python=None):
        name = self.name('g')
        self.line(f'let {name} = {text};', f'{name} = {python}' if python else None)
        self.saved.append(name)
        if kind: self.variables[kind].append(name)

    def passes(self):
        kind = self.random.random()
        if kind < .45: self.open()
        elif kind < .7:
            self.kinds.add('grad')
            chosen = [self.by() for _ in range(self.random.randint(1, 3))]
            how = self.random.choice(['', ', { allowUnused: true }', ', { materializeGrads: true }', ', { materializeGrads: true }'])
            names = [self.name('g') for _ in chosen]
            inputs, loss = ', '.join(one for _, one in chosen), self.loss()
            python = {'': '', ', { allowUnused: true }': ', unused=True'}.get(how, ', zeros=True')
            self.line(f"let [{', '.join(names)}] = grad({loss}, [{inputs}]{how});", self.as_python(f"{', '.join(names)}, = T.grads({loss}, [{inputs}]{python})"))
            self.saved += names
            if 'allow' not in how:
                for (what, _), name in zip(chosen, names):
                    if what: self.variables[what].append(name)
        elif kind < .85: self.inBranch()
        else: self.inLoop()

    def open(self):
        self.kinds.add('backward')
        sets = []
        if self.random.random() < .25:
            what, one = 'M', self.atom('M', 2)
            self.line(f'backward({one}, {self.atom("M", 2)});', '')
            loss = re.match(r'\s*backward\((.*)\);', self.typescript[-1])[1]
        else:
            loss = self.loss()
            self.line(f'backward({loss});', '')
        place = len(self.python)
        if self.random.random() < .35:
            what, x = self.by()
            while x in ('p', 'q', 's'): what, x = self.by()
            at = {'M': "'1:'", 'R': "':2'", 'C': "'0'", None: "':1'"}.get(what)
            choice = self.random.random()
            self.kinds.add('set')
            if choice < .4 and at:
                self.line(f'{x}.grad[{at}] = 0;', '')
                sets.append(f'({self.as_python(x)}, lambda g: changed(g, {self.slice(at)}, 0))')
            elif choice < .7:
                self.line(f'{x}.grad *= 2;', '')
                sets.append(f'({self.as_python(x)}, lambda g: g * 2)')
            elif what:
                value = self.atom(what, 2)
                self.line(f'{x}.grad = {value};', '')
                sets.append(f'({self.as_python(x)}, lambda g: {value} * 1)')
        text, python = loss, self.as_python(loss)
        self.python.insert(place, '  ' * self.depth + f"T.backward({python}{'' if ',' in self.split(python) else ', None'}, [{', '.join(sets)}])")
        for _ in range(self.random.randint(1, 3)):
            what, x = self.by()
            self.read(what, f'{x}.grad', f'T.grad({self.as_python(x)})')

    def split(self, text):
        depth, top = 0, ''
        for letter in text:
            depth += (letter in '([') - (letter in ')]')
            if depth == 0: top += letter
        return top

    def slice(self, at): return f'slice({", ".join(part or "None" for part in at.strip(chr(39)).split(":"))})' if ':' in at else at.strip("'")

    def inBranch(self):
        kind = self.random.choice(['both', 'both', 'chain', 'inside', 'nested', 'before'])
        self.kinds.add(f'{kind} branches')
        what, x = self.by()
        condition = self.condition()
        inside = lambda: self.line(f'backward({self.loss()});', '') or self.python.append('  ' * self.depth + 'T.' + self.as_python(self.typescript[-1].strip()))
        if kind == 'inside':
            kind, x = self.random.choice([(one, name) for one in 'MRCS' for name in self.variables[one]])
            name = self.name('g')
            self.line(f'let {name} = zerosLike({x});', f'{name} = torch.zeros_like({x})')
            self.line(f'if ({condition}) {{', self.as_python(f'if {condition}:'))
            self.depth += 1
            inside()
            self.line(f'{name} = {x}.grad;', f'{name} = T.grad({x})')
            self.depth -= 1
            self.line('}', '')
            self.saved.append(name)
            self.variables[kind].append(name)
            return
        if kind == 'before': inside()
        self.line(f'if ({condition}) {{', self.as_python(f'if {condition}:'))
        self.depth += 1
        if kind == 'nested':
            condition = self.condition()
            self.line(f'if ({condition}) {{', self.as_python(f'if {condition}:'))
            self.depth += 1; inside(); self.depth -= 1
            self.line('} else {', 'else:')
            self.depth += 1; inside(); self.depth -= 1
            self.line('}', '')
        else: inside()
        self.depth -= 1
        for _ in range(self.random.randint(1, 4) if kind == 'chain' else 0):
            condition = self.condition()
            self.line(f'}} else if ({condition}) {{', self.as_python(f'elif {condition}:'))
            self.depth += 1; inside(); self.depth -= 1
        if kind != 'before':
            self.line('} else {', 'else:')
            self.depth += 1; inside(); self.depth -= 1
        self.line('}', '')
        self.read(what, f'{x}.grad', f'T.grad({self.as_python(x)})')

    def inLoop(self):
        kind = self.random.choice(['rows', 'descent', 'for'])
        self.kinds.add(f'{kind} loop')
        total = self.name('g')
        if kind == 'rows':
            rows, row, other = self.atom('M', 2), self.name('r'), self.random.choice(['q', *self.variables['R']])
            self.line(f'let {total} = q * 0;')
            self.line(f'for (const {row} of {rows}) {{', f'for {row} in {rows}:')
            self.depth += 1
            self.line(f'backward(sum(tanh({row} * {other}) * {self.atom("R", 2)}));', '')
            self.python.append('  ' * self.depth + 'T.' + self.as_python(self.typescript[-1].strip()))
            by = self.random.choice([row, row, other])
            self.line(f'{total} = {total} + {by}.grad;', f'{total} = {total} + T.grad({by})')
            self.depth -= 1
        elif kind == 'descent':
            y, n, slope = self.name('y'), self.name('n'), self.name('d')
            start = self.atom('R', 2)
            self.line(f'let {y} = {start};')
            self.line(f'let {n} = 0;')
            self.line(f'while ({n} < 3 && norm({y}) > 0.1) {{', f'while {n} < 3 and norm({y}) > 0.1:')
            self.depth += 1
            loss = f'sum(square({y}) * {self.random.choice(self.variables["R"])})'
            self.line(f'const [{slope}] = grad({loss}, [{y}]);', f'{slope}, = T.grads({loss}, [{y}])')
            self.line(f'{y} = {y} - {slope} * 0.1;')
            self.line(f'{n}++;', f'{n} += 1')
            self.depth -= 1
            self.line('}', '')
            self.variables['R'].append(y)
            self.saved.append(y)
            return
        else:
            i, start = self.name('i'), self.atom('R', 2)
            self.line(f'let {total} = {start};')
            self.line(f'for (let {i} = 0; {i} < 2; {i}++) {{', f'for {i} in range(2):')
            self.depth += 1
            loss = f'sum(tanh({total}) * {self.atom("R", 2)}) + sum(square({total}))'
            self.line(f'backward({loss});', f'T.backward({loss})')
            self.line(f'{total} = {total} * {total}.grad;', f'{total} = {total} * T.grad({total})')
            self.depth -= 1
        self.line('}', '')
        self.saved.append(total)
        self.variables['R'].append(total)


def told(x):
    if x is None: return None
    flat = x.detach().flatten().double()
    return {'dtype': str(x.dtype).replace('torch.', ''), 'dims': list(x.shape), 'first': flat[:24].tolist(), 'norm': flat.norm().item(), 'dot': (flat * torch.cos(torch.arange(flat.numel()).double())).sum().item()}


def result(program):
    """What PyTorch gives; a text where it refuses."""
    outside = {name: torch.tensor(value, requires_grad=True) for name, value in OUTSIDE.items()}
    trained = {name: outside[name] for name in 'pqs'}
    scope = {**SCOPE, **outside, 'm': Model(), 'T': Trace(trained), 'k': torch.tensor([2, 0, 1]), 'j': torch.tensor([[1, 0, 2, 2], [0, 0, 1, 2], [2, 1, 0, 1]])}
    try: exec('\n'.join(program.python), scope)
    except (RuntimeError, IndexError) as error: return str(error).split('\n')[0]
    found = {name: told(scope[name]) for name in program.saved}
    for name in trained: found[f'{name}.grad'] = told(scope['T'].total.get(name))
    fits = all(one is None or torch.tensor(one['first'] + [one['norm']]).isfinite().all() and one['norm'] < 1e5 for one in found.values())
    return found if fits else 'too large'


def apart(program):
    """The same in a process of its own: some programs end it."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        with os.fdopen(write, 'w') as file: json.dump(result(program), file)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as file: text = file.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else 'ended'


if __name__ == '__main__':
    torch.set_num_threads(1)
    first, count, path = (int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]) if len(sys.argv) > 3 else (0, COUNT, f'{FIXTURES}/programs.json')
    programs = []
    for number in range(first, first + count):
        for seed in range(number * TRIALS, (number + 1) * TRIALS):
            program = Program(seed)
            found = apart(program)
            if not isinstance(found, str): break
        programs.append({'seed': seed, 'program': '\n'.join(line for line in program.typescript if line), 'expected': found})
    json.dump(programs, open(path, 'w'))
