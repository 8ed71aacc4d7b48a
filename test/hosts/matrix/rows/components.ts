import { MAIN, PRINTS, packageJson, STEER } from '../program.ts';
import type { Row } from '../row.ts';

/** The program in one script, whose fifth line has the breakpoint, and whose tenth line is the one that fails. */
const SCRIPT = `${STEER.replace('export ', '')}${MAIN.slice(MAIN.indexOf('const wrong'))}`
  .replace('import {', 'import { LanguageModel,')
  .replace('type LanguageModel, ', '')
  .replace('main();\n', 'const done = main();\n');

/** A component's own lines in errors, and a debugger that stops in its block. */
const expects = (file: string) => [PRINTS[0]!, `${file}:10:`, `breakpoint at ${file}:5 shows alpha, layer, lm`];

const VITE = (imports: string, plugin: string) => `import onnsight from 'onnsight/vite';
${imports}
export default {
  plugins: [${plugin}, onnsight()],
  build: { ssr: 'src/main.ts', outDir: 'out', sourcemap: true, rollupOptions: { output: { entryFileNames: 'main.mjs' } } },
};
`;

export const VUE = {
  packages: ['vite@8', 'vue@3', '@vitejs/plugin-vue@6'],
  files: {
    'package.json': packageJson('module'),
    'src/app.vue': `<script setup lang="ts">${SCRIPT}await done;\n</script>\n<template><p>done</p></template>\n`,
    'src/main.ts': `import { createSSRApp } from 'vue';
import { renderToString } from 'vue/server-renderer';
import App from './app.vue';
await renderToString(createSSRApp({ components: { App }, template: '<Suspense><App /></Suspense>' }));
`,
    'vite.config.mjs': VITE("import vue from '@vitejs/plugin-vue';", 'vue()'),
  },
};

export const SVELTE = {
  packages: ['vite@8', 'svelte@5', '@sveltejs/vite-plugin-svelte@7'],
  files: {
    'package.json': packageJson('module'),
    'src/app.svelte': `<script lang="ts">${SCRIPT}</script>\n<p>{typeof done}</p>\n`,
    'src/main.ts': `import { render } from 'svelte/server';
import App from './app.svelte';
console.log(render(App).body);
`,
    'vite.config.mjs': VITE("import { svelte } from '@sveltejs/vite-plugin-svelte';", 'svelte()'),
  },
};

/** A page, which is computed when it is built. */
const ASTRO: Row = {
  name: 'Astro, the script of a page',
  nightly: true,
  packages: ['astro@5'],
  files: {
    'package.json': packageJson('module'),
    'src/pages/app.astro': `---
${SCRIPT.replace('\n', ' ')}await done;
---
<p>done</p>
`,
    'astro.config.mjs': `import onnsight from 'onnsight/vite';
export default { vite: { plugins: [onnsight()], build: { sourcemap: true }, ssr: { external: ['onnsight'] } }, telemetry: false };
`,
  },
  commands: ['ASTRO_TELEMETRY_DISABLED=1 astro build'],
  expects: expects('app.astro'),
};

const commands = ['vite build', 'node --enable-source-maps out/main.mjs'];

export const COMPONENTS: readonly Row[] = [
  { name: 'Vue, <script setup lang="ts">', ...VUE, commands, expects: expects('app.vue') },
  { name: 'Svelte, <script lang="ts">', ...SVELTE, commands, expects: expects('app.svelte') },
  ASTRO,
];
