#!/usr/bin/env node
import { Command, Option } from 'commander';
import { MISTAKES_LATER } from '../mistakes-later.ts';
import { packageVersion } from '../version.ts';
import type { BuildOptions } from './build.ts';
import type { CompileOptions } from './compile.ts';
import { checkNeeded, needed } from './needed.ts';
import type { ServeCommandOptions } from './serve.ts';
import type { TypesOptions } from './types.ts';
import type { WorkerCommandOptions } from './worker.ts';

const program = new Command('onnsight')
  .description('See inside and steer ONNX models.')
  .version(packageVersion())
  .showHelpAfterError('(add --help for all options)')
  .hook('preAction', (_, command) => checkNeeded(command));

program
  .command('compile')
  .description('Compile exported interventions into bundles that run anywhere ONNX runs.')
  .argument('[files...]', 'files or globs; all files of the project unless given')
  .addOption(
    needed('-m, --model <file>', 'an .onnx file, a folder with one, or a model of the Hugging Face hub (owner/name)'),
  )
  .option('-f, --file <path>', 'which .onnx file of the folder or repository')
  .option('--revision <name>', 'a branch, a tag or a commit of the repository')
  .option('-o, --out <folder>', 'where the bundles go, each in a folder of its name', 'dist')
  .addOption(
    new Option('-w, --weights <how>', 'link: in a file beside the model, embed: inside it')
      .choices(['link', 'embed'])
      .default('link'),
  )
  .option('--optimize', 'simplify the model as long as results and hosts stay the same')
  .option('--triton', "write a model repository of Triton: each bundle as its model's version 1, with a config.pbtxt")
  .option(
    '-t, --tokenizer [folder]',
    "put a tokenizer beside each bundle, so that texts go in: the model's own, or that of another folder or model of the hub",
  )
  .option('--check', 'write nothing: say whether the bundles are current, and fail if one is not')
  .option('--watch', 'compile again whenever a file of the project changes')
  .option('-p, --project <tsconfig>', 'the tsconfig.json to use; the nearest unless given')
  .action(async (files: string[], options: CompileOptions & { watch?: boolean }) => {
    if (options.watch && options.check) program.error('error: --watch and --check cannot go together');
    // Loaded only when there is something to do: TypeScript and ONNX Runtime take long to load.
    const { describeError } = await import('./describe-error.ts');
    try {
      if (options.watch) {
        const { watchAndCompile } = await import('./watch.ts');
        watchAndCompile(
          files,
          options,
          process.argv.slice(1).filter((argument) => argument !== '--watch'),
        );
        return;
      }
      const { fromProject } = await import('./from-project.ts');
      const given = fromProject(files, options);
      process.env[MISTAKES_LATER] = '1';
      await import('../register.ts');
      const { compile } = await import('./compile.ts');
      if (!(await compile(given.patterns, given.options))) process.exitCode = 1;
    } catch (error) {
      console.error(`error: ${describeError(error)}`);
      process.exitCode = 1;
    }
  });

program
  .command('build')
  .description('Do what tsc --build does, with blocks compiled: for projects whose TypeScript has no transformers.')
  .option('-p, --project <tsconfig>', 'the tsconfig.json, or the folder with it', '.')
  .option('--watch', 'build again whenever a file of the project changes')
  .action(async (options: BuildOptions) => {
    const { describeError } = await import('./describe-error.ts');
    try {
      const { build } = await import('./build.ts');
      if (!build(options)) process.exitCode = 1;
    } catch (error) {
      console.error(`error: ${describeError(error)}`);
      process.exitCode = 1;
    }
  });

program
  .command('types')
  .description('Write the modules of a model as TypeScript types, for the editor to complete and to check.')
  .argument('<model>', 'an .onnx file, a folder with one, or a model of the Hugging Face hub (owner/name)')
  .addOption(needed('-o, --out <file>', 'where the types go: model.d.ts'))
  .option('-n, --name <name>', 'the name of the type; that of the model unless given')
  .option('-f, --file <path>', 'which .onnx file of the folder or repository')
  .option('--revision <name>', 'a branch, a tag or a commit of the repository')
  .option('--check', 'write nothing: say whether the file is current, and fail if it is not')
  .action(async (model: string, options: TypesOptions) => {
    const { describeError } = await import('./describe-error.ts');
    try {
      const { writeTypes } = await import('./types.ts');
      if (!(await writeTypes(model, options))) process.exitCode = 1;
    } catch (error) {
      console.error(`error: ${describeError(error)}`);
      process.exitCode = 1;
    }
  });

program
  .command('serve')
  .description('Serve models to others, who trace them with a RemoteBackend.')
  .argument('<models...>', '.onnx files, folders, or models of the Hugging Face hub; name=path names one')
  .option('--host <address>', 'the address to listen at; this machine alone unless given', '127.0.0.1')
  .option('--port <number>', 'the port to listen at; 0 is any that is free', '8000')
  .option('--tokens <file>', 'the users and the hashes of their tokens; without it everybody may trace')
  .option('--edits <file>', 'a file that exports edits of the models by name, for completions')
  .option('--redis <url>', 'give the jobs to workers (npx onnsight worker) by a queue in this Redis')
  .option('--store <folder>', 'with --redis: a folder that servers and workers share')
  .option('--limit <name=number...>', 'what users may ask for: time=60 (seconds), memory=1.5e9 (bytes), …', [])
  .option('--quiet', 'log no requests')
  .action(async (models: string[], options: ServeCommandOptions) => {
    const { describeError } = await import('./describe-error.ts');
    try {
      const { serveModels } = await import('./serve.ts');
      await serveModels(models, options);
    } catch (error) {
      console.error(`error: ${describeError(error)}`);
      process.exitCode = 1;
    }
  });

program
  .command('worker')
  .description('Run the jobs of servers that were started with --redis.')
  .argument('<models...>', 'the models, as those of serve')
  .addOption(needed('--redis <url>', 'the Redis of the servers'))
  .option('--store <folder>', 'a folder that servers and workers share')
  .option('--edits <file>', 'a file that exports edits of the models by name, for completions')
  .option('--limit <name=number...>', 'what jobs may ask for, as those of serve', [])
  .action(async (models: string[], options: WorkerCommandOptions) => {
    const { describeError } = await import('./describe-error.ts');
    try {
      const { workOnModels } = await import('./worker.ts');
      await workOnModels(models, options);
    } catch (error) {
      console.error(`error: ${describeError(error)}`);
      process.exitCode = 1;
    }
  });

program
  .command('token')
  .description('Make a token for a user of a server. It is shown once: the file has its hash.')
  .argument('<user>', "the user's name")
  .addOption(needed('--tokens <file>', 'the file that serve is given'))
  .action(async (user: string, { tokens }: { tokens: string }) => {
    const { describeError } = await import('./describe-error.ts');
    try {
      const { addToken } = await import('../../server/tokens.ts');
      console.log(addToken(tokens, user));
    } catch (error) {
      console.error(`error: ${describeError(error)}`);
      process.exitCode = 1;
    }
  });

await program.parseAsync();
