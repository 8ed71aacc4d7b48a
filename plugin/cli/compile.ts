import { join, relative, resolve } from 'node:path';
import { ModelMap } from '../../runtime/api/locate.ts';
import { type BuiltBundle, buildBundle } from '../../runtime/bundle/build/build.ts';
import { staleFiles, writeBundle } from '../../runtime/bundle/build/write.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { describeError } from './describe-error.ts';
import { type Found, findInterventions, openProject, place } from './find.ts';
import { loadIntervention } from './load.ts';
import { formatBytes, formatTable, styled } from './text.ts';

export interface CompileOptions {
  readonly model: string;
  readonly out: string;
  readonly weights: 'link' | 'embed';
  readonly optimize?: boolean;
  readonly check?: boolean;
  readonly project?: string;
}

/** The row that is printed at the end for one intervention. */
type Row = readonly [name: string, model: string, weights: string, folder: string];

/** Compiles the interventions of some files, or checks their bundles. False if one failed or is out of date. */
export async function compile(patterns: readonly string[], options: CompileOptions): Promise<boolean> {
  const map = new ModelMap(await readModel(options.model));
  const found = findInterventions(openProject(patterns, options.project), patterns);
  console.log(`${found.length} ${found.length === 1 ? 'intervention' : 'interventions'} for ${options.model}`);
  const rows: Row[] = [];
  for (const [i, one] of found.entries()) {
    const row = await compileOne(one, map, options, `[${i + 1}/${found.length}] ${one.name}  ${place(one)}`);
    if (row) rows.push(row);
  }
  if (rows.length > 0 && !options.check) {
    console.log(`\n${formatTable([['bundle', 'model', 'weights', 'folder'], ...rows])}`);
  }
  return rows.length === found.length;
}

async function compileOne(found: Found, map: ModelMap, options: CompileOptions, line: string): Promise<Row | null> {
  const start = performance.now();
  const end = (text: string) => {
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const clear = process.stdout.isTTY ? '\r' : '';
    process.stdout.write(`${clear}${line}  ${text}  ${seconds} s\n`);
  };
  if (process.stdout.isTTY) process.stdout.write(`${line}  …`);
  const folder = join(options.out, found.name);
  try {
    const intervention = await loadIntervention(found);
    const built = await buildBundle(map, intervention, {
      name: found.name,
      source: found.source,
      weights: options.weights,
      optimize: options.optimize ?? false,
    });
    return options.check ? await check(found, built, folder, end) : write(found, built, folder, end);
  } catch (error) {
    end(styled('red', 'failed'));
    console.error(describeError(error));
    return null;
  }
}

async function check(found: Found, built: BuiltBundle, folder: string, end: (text: string) => void) {
  const stale = await staleFiles(built, folder);
  end(stale.length === 0 ? styled('green', 'current') : styled('red', `not current: ${stale.join(', ')}`));
  return stale.length === 0 ? row(found, built, folder) : null;
}

function write(found: Found, built: BuiltBundle, folder: string, end: (text: string) => void): Row {
  const { copied } = writeBundle(built, folder);
  end(styled('green', 'done'));
  for (const note of built.notes) console.log(`  ${styled('yellow', 'note')}: ${note}`);
  for (const name of copied) {
    console.log(`  ${styled('yellow', 'note')}: ${name} lies on another disk than ${folder} and was copied.`);
  }
  return row(found, built, folder);
}

function row({ name }: Found, { model, weights, manifest }: BuiltBundle, folder: string): Row {
  const linked = weights.map(({ file }) => `${formatBytes(file.bytes)} in ${file.path}`).join(', ');
  const where = manifest.weights === 'embed' ? 'inside' : linked || 'none';
  return [name, formatBytes(model.length), where, relative('', resolve(folder)) || '.'];
}
