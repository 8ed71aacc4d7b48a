import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const file = (name: string) => fileURLToPath(new URL(`../../deploy/${name}`, import.meta.url));
const text = (name: string) => readFileSync(file(name), 'utf8');
const main = readFileSync(new URL('../../plugin/cli/main.ts', import.meta.url), 'utf8');
const { version, peerDependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** Whether the command line has a command with these options. */
function checkCommand([command, ...args]: readonly string[]): void {
  const options = main.split(/^program$/m).find((part) => part.includes(`.command('${command}')`));
  expect(options, command).toBeDefined();
  for (const option of args.filter((arg) => arg.startsWith('--'))) expect(options, command).toMatch(`'${option} `);
}

/** The instructions, those of several lines joined. */
const instructions = text('Dockerfile')
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

it('the Dockerfile has instructions of Docker alone, and commands in the form of JSON that the command line has', () => {
  const names = /^(FROM|ENV|WORKDIR|RUN|USER|VOLUME|EXPOSE|HEALTHCHECK|ENTRYPOINT|CMD) \S/;
  for (const line of instructions) expect(line).toMatch(names);
  expect(instructions[0]).toMatch(/^FROM \S+:\S+/);
  const command = (name: string) => JSON.parse(instructions.find((line) => line.startsWith(name))!.slice(name.length));
  expect(command('ENTRYPOINT')).toEqual(['npx', 'onnsight']);
  checkCommand(command('CMD'));
  expect(instructions.some((line) => /^USER (?!root)/.test(line))).toBe(true);
});

it('the image has this version, and the packages of a server and a worker in the versions that fit', () => {
  const install = instructions.find((line) => line.includes('npm install'))!;
  expect(install).toContain(` onnsight@${version} `);
  for (const name of ['fastify', '@fastify/compress', '@fastify/rate-limit', 'prom-client', 'bullmq', 'ioredis']) {
    const [, major] = /\^(\d+)/.exec(peerDependencies[name])!;
    expect(install).toContain(` ${name}@${major}`);
  }
});

it('the services of the compose file run commands that there are, on volumes that are declared', () => {
  const compose = text('compose.yaml');
  const lists = [...compose.matchAll(/^ {4}command:\s*(\[[^\]]*\])/gm)].map(([, list]) => list!);
  const commands = lists.map((list) => JSON.parse(list.replace(/,\s*\]/, ']')) as string[]);
  expect(commands).toHaveLength(3);
  const [redis, ...own] = commands;
  expect(redis).toEqual(expect.arrayContaining(['--appendonly', 'yes', 'noeviction']));
  for (const command of own) checkCommand(command);
  const declared = compose.slice(compose.indexOf('\nvolumes:'));
  for (const [, name] of compose.matchAll(/"(\w+):\/\w+"/g)) expect(declared).toContain(`  ${name}: {}`);
  expect(compose).not.toContain('\t');
});

const python = ['python3', 'python'].find((name) => spawnSync(name, ['--version']).status === 0);

it.skipIf(!python)('the recipe of Ray Serve is Python', () => {
  const { status, stderr } = spawnSync(python!, [
    '-c',
    'import ast, sys; ast.parse(open(sys.argv[1]).read())',
    file('ray_serve.py'),
  ]);
  expect([status, String(stderr)]).toEqual([0, '']);
});
