import type { Outcome, Project } from './project.ts';

/** A way to run `src/app.ts`: build where it builds, then run. The first failure is the outcome. */
export interface Host {
  name: string;
  run(project: Project): Promise<Outcome>;
}

export const TSPC = 'ts-patch/bin/tspc.js';
export const VITE = 'vite/bin/vite.js';

/** The tsconfig.json of a user who builds with tspc. */
export function tsconfig(extra: Record<string, unknown> = {}): string {
  const plugins = [{ transform: 'onnsight/plugin', transformProgram: true }];
  return JSON.stringify({
    compilerOptions: {
      target: 'es2022',
      module: 'nodenext',
      strict: true,
      skipLibCheck: true,
      rootDir: 'src',
      outDir: 'out',
      sourceMap: true,
      declaration: true,
      types: [],
      plugins,
      ...extra,
    },
    include: ['src'],
  });
}

async function builtBy(project: Project, built: Outcome): Promise<Outcome> {
  return built.code === 0 ? project.node('--enable-source-maps', 'out/app.js') : built;
}

export const tspc: Host = {
  name: 'tspc',
  async run(project) {
    project.write('tsconfig.json', tsconfig());
    return builtBy(project, await project.tool(TSPC, '-p', '.'));
  },
};

/** The command line of the package, seen from node_modules. */
export const CLI = '../dist/plugin/cli/main.js';

export const build: Host = {
  name: 'onnsight build',
  async run(project) {
    project.write('tsconfig.json', tsconfig({ plugins: undefined }));
    return builtBy(project, await project.tool(CLI, 'build'));
  },
};

export const vite: Host = {
  name: 'vite build',
  async run(project) {
    project.write(
      'vite.config.js',
      `import onnsight from 'onnsight/vite';
      export default { plugins: [onnsight()], build: { ssr: 'src/app.ts', outDir: 'out', sourcemap: true } };`,
    );
    return builtBy(project, await project.tool(VITE, 'build'));
  },
};

export const node: Host = {
  name: 'node --import onnsight/register',
  run: (project) => project.node('--import', 'onnsight/register', 'src/app.ts'),
};

export const tsx: Host = {
  name: 'tsx --import onnsight/register',
  run: (project) => project.tool('tsx/dist/cli.mjs', '--import', 'onnsight/register', 'src/app.ts'),
};

export const HOSTS = [tspc, build, vite, node, tsx];

/** The hosts that print errors as tsc does, the place first, in its own manner. */
export const COMPILERS: readonly Host[] = [tspc, build];
