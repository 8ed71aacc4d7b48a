import { expect, it } from 'vitest';
import { VITE } from './hosts.ts';
import { Project } from './project.ts';

/** A plugin that compiles TypeScript when it loads a file, and one that makes a module of a component's script. */
const CONFIG = `
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import onnsight from 'onnsight/vite';
const require = createRequire(import.meta.url);
const ts = require('typescript');
const compile = (text, fileName, sourceMap) => {
  const compilerOptions = { target: 'ES2022', module: 'ESNext', sourceMap };
  const { outputText, sourceMapText } = ts.transpileModule(text, { fileName, compilerOptions });
  return { code: outputText.replace(/\\/\\/# sourceMappingURL=.*/, ''), map: sourceMap ? JSON.parse(sourceMapText) : null };
};
const sourceMap = process.env.MAPS !== 'none';
export default {
  plugins: [
    onnsight(),
    {
      name: 'compiles',
      enforce: 'pre',
      load(id) {
        if (/app\\.ts$/.test(id)) return compile(readFileSync(id, 'utf8'), id, sourceMap);
      },
    },
    {
      name: 'components',
      transform(code, id) {
        if (id.endsWith('.vue')) return compile(code.replace(/<\\/?script.*?>/g, (tag) => ' '.repeat(tag.length)), id, true);
      },
    },
  ],
  build: { ssr: 'src/app.ts', outDir: 'out', sourcemap: true },
};
`;

const APP = `import type { Options } from './options.ts';
import { shown } from './part.vue';

interface Unused {
  readonly lines: number;
}

function scaled(x: number, options: Options): number {
  'use trace';
  return x * options.by;
}
console.log(scaled(2, { by: 3 }), shown(1), JSON.stringify(Reflect.get(globalThis, 'operatorSites')));
`;

const COMPONENT = `<script setup lang="ts">
interface Unused {
  readonly lines: number;
}
export function shown(x: number): number {
  'use trace';
  return x + 1;
}
</script>
`;

function projectOf(): Project {
  return new Project('traced', {
    'vite.config.js': CONFIG,
    'src/app.ts': APP,
    'src/options.ts': 'export interface Options {\n  readonly by: number;\n}\n',
    'src/part.vue': COMPONENT,
  });
}

it('names the lines that the user wrote of what another plugin has compiled before, of a component too', async () => {
  const project = projectOf();
  const built = await project.tool(VITE, 'build');
  expect(built.output).not.toContain('without a source map');
  const { output } = await project.node('out/app.js');
  const places = [
    project.place('x * options').replace(/\d+$/, ''),
    project.place('x + 1', 'src/part.vue').replace(/\d+$/, ''),
  ];
  expect(output).toMatch(/^6 2 /);
  for (const place of places) expect(output).toContain(place);
});

it('says so where no source map tells them', async () => {
  const project = projectOf();
  project.write('vite.config.js', CONFIG.replace("process.env.MAPS !== 'none'", 'false'));
  const { output } = await project.tool(VITE, 'build');
  expect(output).toMatch(/src\/app\.ts reaches onnsight as another text than it holds, and without a source map/);
});
