import { createHash } from 'node:crypto';
import { constants, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import MagicString from 'magic-string';
import type { UnpluginOptions } from 'unplugin';
import type { Rewritten } from './rewrite.ts';

/*
 * The loader beside a bundle finds the bundle's files by `new URL('./steer.onnx', import.meta.url)`. Bundlers for the web
 * take that as a file to bring along; esbuild, Rollup and builds for servers leave it as it stands, in a program that the
 * files are not beside. Here each bundle gets a folder beside the program that has its loader.
 */

/** How a loader begins. */
export const LOADER = /^\/\/ Made by onnsight from /;
const FILE = /new URL\("\.\/([^"]+)", import\.meta\.url\)/g;

/** The files of a bundle whose loader is built, and the folder that they get. */
interface Moved {
  readonly folder: string;
  readonly files: ReadonlyMap<string, string>;
}

/** What is asked of the context of Rollup's, Rolldown's and Vite's plugins. */
interface RollupContext {
  /** In Vite: what is built. */
  readonly environment?: { readonly config?: { readonly consumer?: string } };
}

/** As far as it is needed, what Rollup and Rolldown have built. */
interface Output {
  readonly dir?: string | undefined;
  readonly file?: string | undefined;
}
type Built = Readonly<
  Record<string, { readonly type: string; readonly fileName: string; moduleIds?: readonly string[] }>
>;

/** The bundles in what one bundler builds. */
export class BundleFiles {
  readonly #moved = new Map<string, Moved>();

  /** The hooks for Rollup, Rolldown and Vite. */
  get rollup() {
    const { place, copy } = this;
    return {
      transform(this: RollupContext, code: string, id: string): Rewritten | null {
        // Vite's builds for browsers do it themselves
        return this.environment?.config?.consumer === 'client' ? null : place(code, id, 'import.meta.url');
      },
      writeBundle({ dir, file }: Output, built: Built): void {
        const root = dir ?? dirname(file!);
        for (const { fileName, moduleIds = [] } of Object.values(built)) copy(moduleIds, join(root, fileName));
      },
    };
  }

  /** Copies files when esbuild is done. */
  readonly esbuild: NonNullable<NonNullable<UnpluginOptions['esbuild']>['setup']> = (build) => {
    const { absWorkingDir = process.cwd() } = build.initialOptions;
    // it tells which files of the program have which modules
    build.initialOptions.metafile = true;
    build.onEnd(({ metafile }) => {
      for (const [file, { inputs }] of Object.entries(metafile?.outputs ?? {})) {
        const modules = Object.keys(inputs).map((path) => resolve(absWorkingDir, path));
        this.copy(modules, resolve(absWorkingDir, file));
      }
    });
  };

  /**
   * A loader that looks for its files where `copy` puts them; null for other modules.
   * @param base an expression: the URL of the program
   */
  readonly place = (code: string, id: string, base: string): Rewritten | null => {
    if (!LOADER.test(code)) return null;
    const [, name] = /export const (\w+) =/.exec(code) ?? [];
    const folder = `${name}-${createHash('sha256').update(code).digest('hex').slice(0, 8)}`;
    const files = new Map<string, string>();
    const text = new MagicString(code);
    for (const { 0: whole, 1: file, index } of code.matchAll(FILE)) {
      const path = join(dirname(id), file!);
      if (!existsSync(path)) continue;
      files.set(file!, path);
      text.overwrite(index, index + whole.length, `new URL(${JSON.stringify(`./${folder}/${file}`)}, ${base})`);
    }
    if (files.size === 0) return null;
    this.#moved.set(resolve(id), { folder, files });
    return { code: text.toString(), map: text.generateMap({ source: id, includeContent: true, hires: true }) };
  };

  /** Puts the files of the bundles whose loaders are among `modules` beside the program that has them. */
  readonly copy = (modules: readonly string[], program: string): void => {
    for (const { folder, files } of modules.flatMap((id) => this.#moved.get(resolve(id)) ?? [])) {
      const target = join(dirname(program), folder);
      mkdirSync(target, { recursive: true });
      for (const [name, path] of files) copyFileSync(path, join(target, name), constants.COPYFILE_FICLONE);
    }
  };
}
