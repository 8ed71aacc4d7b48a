import { MAIN, PRINTS, packageJson, STEER } from '../program.ts';
import type { Row } from '../row.ts';

/** What the program does, in the script of a component. */
const BODY = MAIN.slice(MAIN.indexOf('const wrong'))
  .replace("'./steer'", "'./steer.ts'")
  .replace('main();\n', 'const done = main();\n');

const IMPORTS = MAIN.slice(0, MAIN.indexOf('const wrong')).replace("'./steer'", "'./steer.ts'");

const VITE = (imports: string, plugin: string) => `import onnsight from 'onnsight/vite';
${imports}
export default {
  plugins: [${plugin}, onnsight()],
  build: { ssr: 'src/main.ts', outDir: 'out', sourcemap: true, rollupOptions: { output: { entryFileNames: 'main.mjs' } } },
};
`;

export const COMPONENTS: readonly Row[] = [
  {
    name: 'Vue, <script setup lang="ts">',
    packages: ['vite@8', 'vue@3', '@vitejs/plugin-vue@6'],
    files: {
      'package.json': packageJson('module'),
      'src/steer.ts': STEER,
      'src/app.vue': `<script setup lang="ts">\n${IMPORTS}${BODY}await done;\n</script>\n<template><p>done</p></template>\n`,
      'src/main.ts': `import { createSSRApp } from 'vue';
import { renderToString } from 'vue/server-renderer';
import App from './app.vue';
await renderToString(createSSRApp({ components: { App }, template: '<Suspense><App /></Suspense>' }));
`,
      'vite.config.mjs': VITE("import vue from '@vitejs/plugin-vue';", 'vue()'),
    },
    commands: ['vite build', 'node --enable-source-maps out/main.mjs'],
    expects: [PRINTS[0]!, 'app.vue:4:'],
  },
  {
    name: 'Svelte, <script lang="ts">',
    packages: ['vite@8', 'svelte@5', '@sveltejs/vite-plugin-svelte@7'],
    files: {
      'package.json': packageJson('module'),
      'src/steer.ts': STEER,
      'src/app.svelte': `<script lang="ts">\n${IMPORTS}${BODY}</script>\n<p>{typeof done}</p>\n`,
      'src/main.ts': `import { render } from 'svelte/server';
import App from './app.svelte';
console.log(render(App).body);
`,
      'vite.config.mjs': VITE("import { svelte } from '@sveltejs/vite-plugin-svelte';", 'svelte()'),
    },
    commands: ['vite build', 'node --enable-source-maps out/main.mjs'],
    expects: [PRINTS[0]!, 'app.svelte:4:'],
  },
];
