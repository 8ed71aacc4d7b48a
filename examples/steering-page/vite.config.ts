import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

// In a project of its own the package is found in node_modules; here it is the repository around.
const bundle = fileURLToPath(new URL('../../dist/runtime/bundle/browser.js', import.meta.url));

export default defineConfig({
  base: './',
  resolve: { alias: { 'onnsight/bundle': bundle } },
  build: { target: 'es2022', chunkSizeWarningLimit: 1000 },
});
