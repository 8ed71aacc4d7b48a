import * as onnsight from 'onnsight';
import { Parameter, type Tensor, TraceError, tensor } from 'onnsight';
import * as operators from 'onnsight/operators';
import ts from 'typescript';
import { transform } from '../../compiler/transform.ts';
import type { loadToy } from '../support/toy.ts';
import type { Expected } from './pytorch.ts';

type Toy = Awaited<ReturnType<typeof loadToy>>;

/** A program of test/tools/gradient_programs.py, and what PyTorch gives for it; a text where it refuses. */
export interface Program {
  readonly seed: number;
  readonly program: string;
  readonly expected: string | Readonly<Record<string, (Expected & { readonly dtype: string }) | null>>;
}

export type Found = Readonly<Record<string, Tensor | null | undefined>>;

/** What a program takes from outside. */
const outside = () => ({
  p: new Parameter([
    [0.5, -1, 0.25, 2],
    [1.5, 0.75, -0.5, 1],
    [-0.25, 1, 2, -1],
  ]),
  q: new Parameter([1, -0.5, 2, 0.75]),
  s: new Parameter(0.8),
  w: tensor([
    [0.2, -0.4, 0.6, 0.1],
    [-0.3, 0.5, 0.1, -0.2],
    [0.7, -0.1, 0.4, 0.3],
    [-0.6, 0.2, -0.5, 0.8],
  ]),
  k: tensor([2, 0, 1]),
  j: tensor([
    [1, 0, 2, 2],
    [0, 0, 1, 2],
    [2, 1, 0, 1],
  ]),
});

/** What a program gives here when it runs again, with parameters of its own; the message of a TraceError. */
export async function found(lm: Toy, ids: readonly number[], { program }: Program): Promise<Found | string> {
  const names = [...new Set(program.match(/\b[a-z]\w*(?=\()/gi))].filter((name) => name in onnsight);
  const source = `import { save, ${names.filter((name) => name !== 'save').join(', ')} } from 'onnsight';
export const run = (lm: any, ids: any, { p, q, s, w, k, j }: any) => {
const { h, wte, ln_f } = lm.transformer;
const { lm_head } = lm;
return lm.trace(ids, () => {
${program}
});
};
`;
  const lowered = transform(source, { file: 'program.ts', id: '/project/program.ts' });
  const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 };
  const { outputText } = ts.transpileModule(lowered!.code, { compilerOptions });
  const exports: { run?: (...values: unknown[]) => Promise<Found> } = {};
  const known: Record<string, unknown> = { onnsight, 'onnsight/operators': operators };
  new Function('exports', 'require', outputText)(exports, (name: string) => known[name]);
  const given = outside();
  try {
    await exports.run!(lm, [ids], outside());
    const saved = await exports.run!(lm, [ids], given);
    return { ...saved, 'p.grad': given.p.grad, 'q.grad': given.q.grad, 's.grad': given.s.grad };
  } catch (error) {
    if (error instanceof TraceError) return error.message;
    return `broken: ${error instanceof Error ? error.stack : error}`;
  }
}

/** How far what was found is from PyTorch's; empty where it is the same. */
export function differences(found: Found, expected: Exclude<Program['expected'], string>, tolerance: number): string {
  return Object.entries(expected)
    .flatMap(([name, wanted]) => {
      const one = found[name];
      if (!wanted) return !one || [...one.data].every((value) => Number(value) === 0) ? [] : [`${name} is not null`];
      if (!one) return [`${name} is ${one}`];
      if (one.dtype !== wanted.dtype || one.dims.join() !== wanted.dims.join())
        return [`${name}: ${one.dtype}[${one.dims}], not ${wanted.dtype}[${wanted.dims}]`];
      const data = Array.from(one.data as ArrayLike<number>, Number);
      // What is 0 but for rounding, such as the gradient of a constant row before a norm, is another small number in PyTorch.
      const scale = Math.max(0.1, wanted.norm!);
      const far = Math.max(0, ...wanted.first!.map((value, i) => Math.abs(value - data[i]!)));
      const dot = data.reduce((sum, value, i) => sum + value * Math.cos(i), 0);
      const all = Math.max(far, Math.abs(Math.hypot(...data) - wanted.norm!), Math.abs(dot - wanted.dot!) / 4);
      if (all <= tolerance * scale) return [];
      return [
        `${name}: ${data.slice(0, 8)}, not ${wanted.first!.slice(0, 8)} (norm ${Math.hypot(...data)}, ${wanted.norm})`,
      ];
    })
    .join('\n');
}
