import { beforeAll, expect, test } from 'vitest';
import { findModule } from '../../runtime/modules/find.ts';
import type { Module } from '../../runtime/modules/module.ts';
import { buildTree } from '../../runtime/modules/tree.ts';
import { ModelError } from '../../runtime/onnx/error.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { TOY } from '../support/fixtures.ts';

let tree: Module;
beforeAll(async () => {
  tree = buildTree(await readModel(TOY));
});

test.each([
  ['transformer.h.0', 'transformer.h.0'],
  ['transformer.h[0]', 'transformer.h.0'],
  ['transformer.h[-1].mlp', 'transformer.h.3.mlp'],
  ['transformer.h.-4.attn.c_attn', 'transformer.h.0.attn.c_attn'],
  ['lm_head', 'lm_head'],
  ['.lm_head', 'lm_head'],
  ['', ''],
])('%s is %s', (path, found) => {
  expect(findModule(tree, path).path).toBe(found);
});

test.each([
  ['transfomer.h.0', /no module transfomer\.h\.0: the model has transformer, lm_head; did you mean transformer\?/],
  ['transformer.h.0.mpl', /transformer\.h\.0 has ln_1, attn, ln_2, mlp; did you mean transformer\.h\.0\.mlp\?/],
  ['transformer.h.0.c_fc', /did you mean transformer\.h\.0\.mlp\.c_fc/],
  ['transformer.h.4', /transformer\.h has 4 children, so its indices run from -4 to 3/],
  ['transformer.h[-5]', /indices run from -4 to 3/],
  ['lm_head.weight', /lm_head has no modules in it/],
  ['h.0', /did you mean transformer\.h\?/],
  ['..', /no module \.\.: the model has transformer, lm_head/],
  ['transformer..h', /no module transformer\.\.h: transformer has/],
])('%s names what is near', (path, message) => {
  expect(() => findModule(tree, path)).toThrow(ModelError);
  expect(() => findModule(tree, path)).toThrow(message);
});
