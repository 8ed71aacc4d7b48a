"""Random programs that change tensors in place, in branches and loops and by several names, with what PyTorch makes of
them: python test/tools/in_place_programs.py. Each line is written twice, as TypeScript and as Python."""

import json
import math
import pathlib
import random

import torch

COUNT = 36
START = "[[1, 2, 3, 4], [5, 6, 7, 8], [0, -1, -2, 2]]"


class Program:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.typescript, self.python = [], ["def bump(p):", "  p[0] += 1"]
        self.indent = self.count = 0
        self.variables = []  # names with shapes
        self.line(f"let a = tensor({START});", f"a = torch.tensor({START}, dtype=torch.float32)")
        self.line("let b = tensor([1, 2, 3]);", "b = torch.tensor([1., 2, 3])")
        self.variables += [("a", [3, 4]), ("b", [3])]
        for _ in range(self.random.randint(4, 9)):
            self.statement(0, 0)
        self.names = [name for name, _ in self.variables]
        self.line(f"return {{ {', '.join(self.names)} }};", "")

    def line(self, typescript, python):
        self.typescript.append("  " * self.indent + typescript)
        if python:
            self.python.append("  " * self.indent + python)

    def name(self, letter):
        self.count += 1
        return f"{letter}{self.count}"

    def tensor(self):
        return self.random.choice([one for one in self.variables if one[1]])

    def number(self):
        return self.random.choice([0, 1, 2, 3, 5, -1, -2, 0.5])

    def index(self, shape):
        parts, left = [], []
        for size in shape[: self.random.randint(1, len(shape))]:
            at = self.random.randrange(size)
            text, count = self.random.choice([(str(at), None), (str(at - size), None), (":", size), (f"{at}:", size - at)])
            parts.append(text)
            left += [] if count is None else [count]
        return ", ".join(parts), left + shape[len(parts) :]

    def number_of(self):
        name, _ = self.random.choice(self.variables)
        function = self.random.choice(["sum", "max", "min", "mean"])
        return f"{function}({name})", f"{name}.{function}()"

    def view(self):
        name, shape = self.tensor()
        kind = self.random.choice(["index", "index", "index", "name", "clone()", "turn", "unsqueeze(0)", "turn", "sizes", "contiguous()", "scaled"])
        if kind == "index":
            text, left = self.index(shape)
            return f"{name}['{text}']", f"{name}[{text}]", left
        if kind == "turn" and len(shape) == 2:
            return f"{name}.t()", f"{name}.t()", shape[::-1]
        if kind == "sizes":
            sizes = self.random.choice([[-1], [1, -1], shape[::-1], [2, -1] if shape[0] % 2 == 0 else [-1]])
            count = math.prod(shape)
            return f"{name}.reshape({sizes})", f"{name}.reshape({sizes})", [*torch.empty(count).reshape(sizes).shape]
        if kind == "scaled":
            return f"mul({name}, 1)", f"{name} * 1", shape
        if kind in ("name", "turn"):
            return name, name, shape
        return f"{name}.{kind}", f"{name}.{kind}", [1, *shape] if kind == "unsqueeze(0)" else shape

    def block(self, depth, loops, typescript, python, row=None, last=None):
        self.line(typescript, python)
        before = list(self.variables)
        self.indent += 1
        if row:
            self.variables.append(row)
        for _ in range(self.random.randint(1, 3)):
            self.statement(depth + 1, loops)
        if last:
            self.line(*last)
        self.line("0;", "pass")
        self.indent -= 1
        self.variables = before

    def statement(self, depth, loops):
        kind = self.random.random()
        if kind < 0.3:
            typescript, python, shape = self.view()
            name = self.name("t")
            self.line(f"let {name} = {typescript};", f"{name} = {python}")
            self.variables.append((name, shape))
        elif kind < 0.62:
            name, shape = self.tensor()
            text, _ = self.index(shape)
            what, one, other = self.random.choice([1, 2, 3, 4]), self.number(), self.number_of()
            if what == 1:
                self.line(f"{name}['{text}'] = {one};", f"{name}[{text}] = {one}")
            elif what == 2:
                self.line(f"{name}['{text}'] += {one};", f"{name}[{text}] += {one}")
            elif what == 3:
                self.line(f"{name}['{text}'] = {other[0]};", f"{name}[{text}] = {other[1]}")
            else:
                self.line(f"{name}[gt({name}, 2)] = {one};", f"{name}[{name} > 2] = {one}")
        elif kind < 0.72:
            name, _ = self.random.choice(self.variables)
            one = self.number()
            # To JavaScript `t += 1` gives the name another value.
            self.line(f"{name} += {one};", f"{name} = {name} + {one}")
        elif kind < 0.76:
            name, shape = self.tensor()
            others = [one for one, other in self.variables if other == shape and one != name]
            if others:
                other = self.random.choice(others)
                self.line(f"{name} = {other};", f"{name} = {other}")
        elif kind < 0.8:
            name, _ = self.tensor()
            self.line(f"bump({name});", f"bump({name})")
        elif depth < 3 and kind < 0.92:
            (typescript, python), limit = self.number_of(), self.random.choice([0, 5, 10, 20, -5, 40])
            self.block(depth, loops, f"if ({typescript} > {limit}) {{", f"if {python} > {limit}:")
            if self.random.random() < 0.5:
                self.block(depth, loops, "} else {", "else:")
            self.line("}", "")
        elif depth < 3 and loops < 2:
            name = self.name("r")
            how = self.random.choice(["count", "rows", "rows", "while"])
            if how == "count":
                self.block(depth, loops + 1, f"for (let {name} = 0; {name} < 2; {name}++) {{", f"for {name} in range(2):")
            elif how == "rows":
                rows, shape = self.tensor()
                row = (name, shape[1:])
                self.block(depth, loops + 1, f"for (let {name} of {rows}) {{", f"for {name} in {rows}:", row)
            else:
                self.line(f"let {name} = sum(a) * 0;", f"{name} = 0")
                last = (f"{name} += 1;", f"{name} += 1")
                self.block(depth, loops + 1, f"while ({name} < 2) {{", f"while {name} < 2:", last=last)
            self.line("}", "")


def result(program):
    """What PyTorch gives; None where it refuses the program, or where numbers grow too large for a comparison."""
    scope = {"torch": torch}
    try:
        exec("\n".join(program.python), scope)
    except (IndexError, RuntimeError):
        return None
    tensors = {name: scope[name] for name in program.names}
    fits = all(one.numel() > 0 and one.isfinite().all() and one.abs().max() < 1e4 for one in tensors.values())
    return {name: one.tolist() for name, one in tensors.items()} if fits else None


programs, seed = [], 0
while len(programs) < COUNT:
    seed += 1
    program = Program(seed)
    expected = result(program)
    changed = sum("[" in line.split("=")[0] and "let" not in line for line in program.typescript)
    if expected and changed > 2 and any("if" in line or "for" in line for line in program.typescript):
        programs.append({"program": "\n".join(program.typescript), "expected": expected})

# Whether these are views or copies is decided by how the elements lie: each as TypeScript and as Python.
LAYOUTS = [
    ("a.t().reshape([-1])", "a.t().reshape([-1])"),
    ("a.t().contiguous()", "a.t().contiguous()"),
    ("a.contiguous()", "a.contiguous()"),
    ("a[':, 1:'].reshape([-1])", "a[:, 1:].reshape([-1])"),
    ("a['1:'].reshape([-1])", "a[1:].reshape([-1])"),
    ("a.t().reshape([4, 1, 3])", "a.t().reshape([4, 1, 3])"),
    ("mul(a.t(), 1).reshape([-1])", "(a.t() * 1).reshape([-1])"),
    ("a.t().clone().t().reshape([-1])", "a.t().clone().t().reshape([-1])"),
    ("a[':, 1:3'].unsqueeze(0).reshape([3, 1, 2])", "a[:, 1:3].unsqueeze(0).reshape([3, 1, 2])"),
    ("a.unsqueeze(-1).expand([3, 4, 2]).reshape([-1])", "a.unsqueeze(-1).expand([3, 4, 2]).reshape([-1])"),
    ("a[':, ::2'].flatten()", "a[:, ::2].flatten()"),
]
for typescript, python in LAYOUTS:
    scope = {"a": torch.tensor(eval(START), dtype=torch.float32)}
    exec(f"s = {python}\nt = s.t() if s.dim() == 2 else s\ns[0] = 50\na[2, 1] = 70\nt[0] += 1", scope)
    lines = [f"const a = tensor({START});", f"const s = {typescript};"]
    lines.append("const t = s.t();" if scope["s"].dim() == 2 else "const t = s;")
    lines += ["s['0'] = 50;", "a['2, 1'] = 70;", "t['0'] += 1;", "return { a, s };"]
    expected = {name: scope[name].tolist() for name in ("a", "s")}
    programs.append({"program": "\n".join(lines), "expected": expected})

path = pathlib.Path(__file__).parent.parent / "fixtures" / "in-place-programs.json"
path.write_text(json.dumps(programs, indent=1) + "\n")
