import type { Row } from '../row.ts';

const STEER = `import { intervention, save } from 'onnsight';
export const steer = intervention({ by: 'float32' }, (gpt2: any, { by }) => {
  gpt2.transformer.h[0].output *= by;
  return { norm: save(gpt2.transformer.h[0].output.norm()) };
});
`;

/** A debugger that looks at the parameters changes nothing. */
const BREAKS = 'breakpoint at steer.ts:4 shows';

const INPUTS = '({ input_ids: [[1, 2]], by: 0 })';

/** A bundle in a package as npm makes it, without a tsconfig.json, and in one of modules; both ways of importing. */
export const BUNDLES: readonly Row[] = ['commonjs', 'module'].map((type) => ({
  name: `onnsight compile after npm init -y, ${type}`,
  packages: [],
  files: {
    'steer.ts': STEER,
    'use.cjs': `const { steer } = require('./out/steer/steer.js');\nsteer${INPUTS}.then(({ norm }) => console.log('required', norm.item()));\n`,
    'use.mjs': `import { steer } from './out/steer/steer.js';\nconsole.log('imported', (await steer${INPUTS}).norm.item());\n`,
  },
  commands: [
    'npm init -y',
    `npm pkg set type=${type}`,
    'onnsight compile steer.ts --model toy-gpt2/model.onnx --out out && node use.cjs && node use.mjs',
  ],
  expects: ['Types were not checked: there is no tsconfig.json', 'required 0', 'imported 0', BREAKS],
}));
