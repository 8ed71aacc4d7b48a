import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../hosts/hosts.ts';
import { userEnvironment } from '../plugin/project.ts';
import { maxDifference, TOY } from '../support/toy.ts';
import { COMPILERS } from '../types/compilers.ts';
import { CHROMIUM, launch, serve } from './support/browser.ts';
import { compileTo } from './support/build.ts';
import { rounded } from './support/plain.ts';
import { INTERVENTIONS, RUNS } from './support/structures.ts';

interface Ran {
  readonly device: string;
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

/** What the loader for Python gives for each of them. */
const PYTHON = join(ROOT, 'test/fixtures/bundle-python.json');
const PAGE = join(ROOT, 'examples/steering-page');
const work = mkdtempSync(join(ROOT, 'test/bundle/out-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const run = (file: string, ...args: string[]) =>
  execFileSync(process.execPath, [file, ...args], { cwd: PAGE, env: userEnvironment(), encoding: 'utf8' });

describe('the page that steers', () => {
  beforeAll(async () => {
    const model = join(ROOT, 'models/toy-gpt2/model.onnx');
    const options = ['--model', model, '--out', 'bundles', '--weights', 'embed'];
    run(join(ROOT, 'dist/plugin/cli/main.js'), 'compile', 'steer.ts', ...options);
    await build({ root: PAGE, logLevel: 'warn', build: { outDir: join(work, 'page'), emptyOutDir: true } });
  }, 120_000);

  it.each(Object.entries(COMPILERS))('has types, with %s', (_, compiler) => {
    expect(run(compiler, '-p', '.')).toBe('');
  });

  it.skipIf(!CHROMIUM)('steers in a real browser: the slider takes the Eiffel Tower to Rome', async () => {
    await inBrowser(join(work, 'page'), false, async (page) => {
      await page.waitForSelector('body[data-ready="true"]');
      expect(await page.textContent('#sentence')).toBe('The Eiffel Tower is in the city of');
      expect(await page.textContent('#completion')).toBe('Paris');
      expect(await page.locator('#lens tbody tr').count()).toBe(4);
      expect(await page.locator('#lens td').count()).toBe(4 * 9);
      expect(await page.locator('#lens td.changed').count()).toBe(0);
      // With the keyboard, as a person would: twenty steps of 0.05 to the right.
      await page.locator('#alpha').focus();
      for (let i = 0; i < 20; i++) await page.keyboard.press('ArrowRight');
      await shows(page, '#strength', '1.00');
      expect(await page.textContent('#completion')).toBe('Rome');
      expect(await page.locator('.guess b').first().textContent()).toBe('Rome');
      expect(await page.locator('#lens td.changed').count()).toBeGreaterThan(0);
      await page.locator('#prompt').selectOption('The Kremlin is in the city of');
      await shows(page, '#sentence', 'The Kremlin is in the city of');
      expect(await page.textContent('#completion')).toBe('Rome');
      await page.locator('#alpha').fill('0');
      await shows(page, '#completion', 'Moscow');
    });
  });

  it.skipIf(!CHROMIUM)(
    'a bundle in a folder is opened by its URL, with its weights and tokenizer beside it, on wasm and webgpu, and checked; every structure is that of Python',
    async () => {
      const root = join(work, 'folder');
      const out = join(root, 'public');
      mkdirSync(root, { recursive: true });
      const model = join(ROOT, 'models/toy-gpt2/model.onnx');
      run(join(ROOT, 'dist/plugin/cli/main.js'), 'compile', 'steer.ts', '--model', model, '--out', out, '--tokenizer');
      writeFileSync(join(root, 'index.html'), '<script type="module" src="./main.js"></script>');
      writeFileSync(
        join(root, 'main.js'),
        `import { loadBundle } from 'onnsight/bundle';
       import { plain } from '../../support/plain.ts';
       const bundles = {};
       globalThis.give = async (path, inputs) => {
         const bundle = (bundles[path] ??= await loadBundle(path, { device: 'wasm' }));
         return plain(await bundle(inputs));
       };
       globalThis.steer = async (path, options) => {
         try {
           const bundle = await loadBundle(path, options);
           const parameters = { alpha: 0, direction: new Float32Array(128) };
           const { next } = await bundle({ input_ids: [[0, 134, 41]], ...parameters });
           const { data } = (await bundle({ text: 'The Eiffel Tower is in the city of', ...parameters })).next;
           const city = bundle.tokenizer.decode([data.indexOf(Math.max(...data))]).trim();
           return { device: bundle.device, dims: next.dims, data: Array.from(next.data), city };
         } catch (error) {
           return error.name + ': ' + error.message;
         }
       };`,
      );
      await build({ root, logLevel: 'warn', base: './', build: { outDir: join(work, 'opened'), emptyOutDir: true } });
      await inBrowser(join(work, 'opened'), true, async (page) => {
        const steer = (path: string, device: string) =>
          page.evaluate(
            ([where, wanted]) =>
              (globalThis as unknown as { steer(path: string, options: object): Promise<unknown> }).steer(where!, {
                device: wanted,
              }),
            [path, device],
          );
        await page.waitForFunction(() => 'steer' in globalThis);
        const wasm = (await steer('./steer', 'wasm')) as Ran;
        expect(wasm).toMatchObject({ device: 'wasm', dims: [189], city: 'Paris' });
        const webgpu = (await steer('./steer', 'webgpu')) as Ran;
        expect(webgpu).toMatchObject({ device: 'webgpu', dims: [189] });
        expect(maxDifference(webgpu.data, wasm.data)).toBeLessThan(1e-4);
        expect(await steer('./steer', 'auto')).toMatchObject({ device: 'webgpu' });
        expect(await steer('./nowhere', 'wasm')).toMatch(/^BundleError: .*nowhere\/bundle\.json is missing/);
        expect(await steer('./steer', 'cpu')).toMatch(/^BundleError: A browser has no device 'cpu'/);
        const structures = Object.entries(INTERVENTIONS);
        for (const [name, one] of structures) {
          await compileTo(one, { folder: join(work, 'opened', name), ...(name === 'texts' && { tokenizer: TOY }) });
        }
        const given: unknown[] = [];
        for (const run of RUNS) {
          const give = ([path, inputs]: (typeof RUNS)[number]) =>
            (globalThis as unknown as { give(path: string, inputs: object): Promise<unknown> }).give(path, inputs);
          given.push(await page.evaluate(give, run));
        }
        expect(rounded(given)).toEqual(rounded(JSON.parse(readFileSync(PYTHON, 'utf8'))));
        rmSync(join(work, 'opened/steer/model.onnx'));
        writeFileSync(join(work, 'opened/steer/model.onnx'), Buffer.alloc(3531420));
        expect(await steer('./steer', 'wasm')).toMatch(/^BundleError: .*model\.onnx is damaged/);
      });
    },
  );
});

describe('the loader in a browser', () => {
  it('is under 15 kB, minified and gzipped, without ONNX Runtime and what reads tokenizers', async () => {
    const root = join(work, 'size');
    mkdirSync(root, { recursive: true });
    writeFileSync(join(root, 'main.js'), `export * from 'onnsight/bundle';`);
    const result = await build({
      root,
      logLevel: 'silent',
      build: {
        write: false,
        minify: true,
        lib: { entry: join(root, 'main.js'), formats: ['es'] },
        rollupOptions: { external: /^(onnxruntime-web|@huggingface)/ },
      },
    });
    const [{ output }] = result as unknown as [{ output: { code: string }[] }];
    const code = output.map((chunk) => chunk.code).join('');
    expect(code).not.toMatch(/node:|protobuf|ZodError|ts-morph/);
    const bytes = gzipSync(code).length;
    console.log(`onnsight/bundle: ${code.length} bytes minified, ${bytes} gzipped`);
    expect(bytes).toBeLessThan(15_000);
  }, 180_000);
});

/** Waits until an element has a text. */
function shows(page: Page, selector: string, text: string): Promise<unknown> {
  return page.waitForFunction(`document.querySelector('${selector}').textContent === '${text}'`);
}

async function inBrowser(folder: string, webgpu: boolean, use: (page: Page) => Promise<void>): Promise<void> {
  const server = await serve(folder);
  let browser: Browser | undefined;
  try {
    browser = await launch({ webgpu });
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('pageerror', ({ message }) => errors.push(message));
    await page.goto(server.url);
    await use(page);
    expect(errors).toEqual([]);
  } finally {
    await browser?.close();
    server.close();
  }
}
