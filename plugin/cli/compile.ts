import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { ModelMap } from '../../runtime/api/model-map.ts';
import { type BuiltBundle, buildBundle } from '../../runtime/bundle/build/build.ts';
import { tritonConfig } from '../../runtime/bundle/build/triton.ts';
import { staleFiles, writeBundle } from '../../runtime/bundle/build/write.ts';
import { readParts } from '../../runtime/onnx/read-parts.ts';
import { writeWhole } from '../../runtime/onnx/replace-file.ts';
import { describeError } from './describe-error.ts';
import { configOf, type Found, findInterventions, noIntervention, openProject, place, programs } from './find.ts';
import { packageName } from './from-project.ts';
import { type LeftOver, leftOvers, removeBundle, TRITON, VERSION } from './left-over.ts';
import { loadIntervention } from './load.ts';
import { type ModelOptions, modelFiles, tokenizerFolder } from './model.ts';
import { formatBytes, formatTable, styled } from './text.ts';
import { typeErrors } from './type-errors.ts';
import { UsageError } from './usage-error.ts';

export interface CompileOptions extends ModelOptions {
  readonly model: string;
  readonly out: string;
  readonly weights: 'link' | 'embed';
  readonly optimize?: boolean;
  readonly triton?: boolean;
  /** A folder or a model of the hub; true for that of the model. */
  readonly tokenizer?: string | true;
  readonly check?: boolean;
  readonly project?: string;
}

/** The row that is printed at the end for one intervention. */
type Row = readonly [name: string, model: string, weights: string, folder: string];

/** Compiles the interventions of some files, or checks their bundles. False if one failed or is out of date. */
export async function compile(patterns: readonly string[], options: CompileOptions): Promise<boolean> {
  if (statSync(options.out, { throwIfNoEntry: false })?.isFile()) {
    throw new UsageError(`${options.out} is a file. Name a folder for the bundles with --out.`);
  }
  const files = await modelFiles(options.model, options);
  const { model } = await readParts(files);
  const map = new ModelMap(model);
  const tokenizer = options.tokenizer && (await tokenizerFolder(options.tokenizer, files.path));
  const project = openProject(patterns, options.project);
  const found = findInterventions(project);
  if (found.length > 0)
    console.log(`${found.length} ${found.length === 1 ? 'intervention' : 'interventions'} for ${options.model}`);
  const rows: Row[] = [];
  const told = new Set<string>();
  // a promise that a file leaves alone is not what keeps others from being built
  process.on('unhandledRejection', (error) => fail(error, told));
  for (const [i, one] of found.entries()) {
    const row = await compileOne(
      one,
      map,
      tokenizer,
      options,
      told,
      `[${i + 1}/${found.length}] ${one.name}  ${place(one)}`,
    );
    if (row) rows.push(row);
  }
  const old = leftOvers(options.out, packageName(), new Set(programs(project)), new Set(found.map(({ name }) => name)));
  for (const one of old) tell(one, options);
  if (found.length === 0) throw noIntervention(project, patterns);
  if (rows.length > 0 && !options.check) {
    console.log(`\n${formatTable([['bundle', 'model', 'weights', 'folder'], ...rows])}`);
  }
  const config = configOf(options.project);
  const sources = new Set(found.map(({ file }) => file));
  if (config !== undefined) printTypeErrors(typeErrors(project, config, sources));
  else if ([...sources].some((file) => /ts$/.test(file))) {
    console.log('\nTypes were not checked: there is no tsconfig.json to check them by. `npx tsc --init` writes one.');
  }
  return rows.length === found.length && (old.length === 0 || !options.check);
}

/** They do not keep a bundle from being built: files run without their types. */
function printTypeErrors(errors: readonly string[]): void {
  if (errors.length === 0) return;
  console.log(`\n${styled('yellow', 'type errors')}, as tsc has them:`);
  for (const error of errors.slice(0, 20)) console.log(`  ${error}`);
  if (errors.length > 20) console.log(`  and ${errors.length - 20} more: tsc --noEmit`);
}

/** A bundle whose intervention was taken out goes, or is named. */
function tell(old: LeftOver, { check }: CompileOptions): void {
  const { file, line, column } = old.source;
  const why = `the intervention of ${file}:${line}:${column} is no longer exported`;
  if (check) console.log(`${old.name}  ${styled('red', 'not current')}: ${why}. Remove ${old.folder}.`);
  else {
    removeBundle(old);
    console.log(`${old.name}  removed: ${why}.`);
  }
}

/** @param told the errors that were printed: one of a file is that of each of its interventions */
async function compileOne(
  found: Found,
  map: ModelMap,
  tokenizer: string | undefined,
  options: CompileOptions,
  told: Set<string>,
  line: string,
): Promise<Row | null> {
  const start = performance.now();
  const end = (text: string) => {
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const clear = process.stdout.isTTY ? '\r' : '';
    process.stdout.write(`${clear}${line}  ${text}  ${seconds} s\n`);
  };
  if (process.stdout.isTTY) process.stdout.write(`${line}  …`);
  const folder = join(options.out, found.name, options.triton ? VERSION : '');
  try {
    const { intervention, notes } = await loadIntervention(found);
    const built = await buildBundle(map, intervention, {
      name: found.name,
      source: found.source,
      package: packageName(),
      weights: options.weights,
      optimize: options.optimize ?? false,
      tokenizer,
    });
    const config = options.triton ? tritonConfig(built.manifest) : null;
    const row = options.check ? await check(found, built, folder, config, end) : write(found, built, folder, end);
    if (config !== null && !options.check) writeWhole(join(folder, '..', TRITON), config);
    for (const note of [...notes, ...built.notes]) console.log(`  ${styled('yellow', 'note')}: ${note}`);
    return row;
  } catch (error) {
    end(styled('red', told.has(describeError(error)) ? 'failed, as above' : 'failed'));
    fail(error, told);
    return null;
  }
}

function fail(error: unknown, told: Set<string>): void {
  process.exitCode = 1;
  const text = describeError(error);
  if (!told.has(text)) console.error(text);
  told.add(text);
}

async function check(
  found: Found,
  built: BuiltBundle,
  folder: string,
  config: string | null,
  end: (text: string) => void,
) {
  const stale = await staleFiles(built, folder);
  const path = join(folder, '..', TRITON);
  if (config !== null && !(existsSync(path) && readFileSync(path, 'utf8') === config))
    stale.push(`${TRITON} is out of date`);
  end(stale.length === 0 ? styled('green', 'current') : styled('red', `not current: ${stale.join(', ')}`));
  return stale.length === 0 ? row(found, built, folder) : null;
}

function write(found: Found, built: BuiltBundle, folder: string, end: (text: string) => void): Row {
  writeBundle(built, folder);
  end(styled('green', 'done'));
  return row(found, built, folder);
}

function row({ name }: Found, { model, weights, manifest }: BuiltBundle, folder: string): Row {
  const linked = weights.map(({ file }) => `${formatBytes(file.bytes)} in ${file.path}`).join(', ');
  const where = manifest.weights === 'embed' ? 'inside' : linked || 'none';
  return [name, formatBytes(model.length), where, relative('', resolve(folder)) || '.'];
}
