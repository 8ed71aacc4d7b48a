import type { Row } from '../row.ts';

/** Conditionals, loops and jumps, each part on lines of its own. */
const BODY = `  if (a) {
    log('then');
  } else {
    log('else');
  }
  if (b) {
    log('first');
  } else if (a) {
    log('second');
  } else {
    log('third');
  }
  switch (a) {
    case true:
      log('true');
      break;
    case b:
      log('both');
      break;
    default:
      log('default');
  }
  if (a && b) {
    log('0');
  } else if (a) {
    log('1');
  } else if (b) {
    log('2');
  } else if (log.length > 5) {
    log('3');
  } else if (log === 4) {
    log('4');
  } else {
    log('5');
  }
  const chosen = a
    ? 1
    : 2;
  const long = a && b
    ? 0
    : a
      ? 1
      : b
        ? 2
        : log.length > 5
          ? 3
          : log === 4
            ? 4
            : 5;
  const logical = [a && log(1), a || log(2), log(3) ?? log(4)];
  for (const one of a ? [1, 2] : []) {
    if (one > 1) {
      log(one);
    }
  }
  try {
    if (a) {
      throw new Error('a');
    }
    log('not thrown');
  } catch {
    log('caught');
  }
  try {
    log('goes well');
  } catch (error) {
    log(error);
  } finally {
    log('cleaned up');
  }
  try {
    try {
      if (b) {
        throw new Error('b');
      }
    } catch ({ message }) {
      log(message);
      if (a) {
        throw new Error('again');
      }
      log('not again');
    }
  } catch {
    log('caught again');
  }
  for (const one of [1, 2, 3]) {
    if (one > 2 && b) {
      continue;
    }
    log(one);
    if (a) {
      break;
    }
    log('next');
  }
  let n = 0;
  while (n < 2) {
    n++;
    if (a) {
      continue;
    }
    log(n);
  }
  do {
    n--;
    if (b) {
      break;
    }
    log(n);
  } while (n > 0);
  const many = (x) => {
    if (x === 1) {
      return 1;
    }
    log('not 1');
    if (x === 2) {
      return 2;
    }
    log('not 2');
    if (x === 3) {
      return 3;
    }
    log('not 3');
    if (x === 4) {
      return 4;
    }
    log('not 4');
    if (x === 5) {
      return 5;
    }
    log('not 5');
    return 6;
  };
  many(a ? 3 : 6);
  const inner = (x) => {
    log('inner');
    return x;
  };
  const never = () => {
    log('never');
  };
  if (b) {
    inner(1);
    return [chosen, long, logical];
  }
  log('rest');
  return never;
}

export function unused() {
  return 1;
}
`;

const HEAD = 'export function run(a, b, log) {\n';

/** Says whether both files have the same missed lines, missed branches and functions; ends with 1 otherwise. */
const COMPARE = `import { readFileSync } from 'node:fs';
const report = JSON.parse(readFileSync('coverage/coverage-final.json', 'utf8'));
function of(name) {
  const { statementMap, s, branchMap, b, fnMap, f } = Object.entries(report).find(([path]) => path.endsWith(name))[1];
  const lines = Object.keys(s).filter((key) => s[key] === 0).map((key) => statementMap[key].start.line);
  const branches = Object.entries(b).flatMap(([key, counts]) =>
    counts.map((count, i) => [count, branchMap[key].locations[i].start.line]).filter(([count]) => count === 0).map(([, line]) => line));
  const functions = Object.keys(f).map((key) => [fnMap[key].name.replace(/^\\(anonymous_\\d+\\)$/, ''), fnMap[key].loc.start.line, f[key]]);
  return { lines: [...new Set(lines)], branches: [...new Set(branches)].sort((x, y) => x - y), functions };
}
const [plain, blocks] = [of('plain.js'), of('blocks.ts')].map((one) => JSON.stringify(one));
console.log(plain === blocks ? 'equal' : plain + '\\n' + blocks);
process.exitCode = plain === blocks ? 0 : 1;
`;

const FILES = {
  'package.json': '{ "type": "module" }',
  'src/plain.js': `${HEAD}\n${BODY}`,
  'src/blocks.ts': `${HEAD}  'use trace';\n${BODY}`,
  'src/each.ts': `import { run as plain } from './plain.js';
import { run as blocks } from './blocks.ts';
export function runEach(a: boolean, b: boolean) {
  for (const run of [plain, blocks]) run(a, b, () => undefined);
}
`,
  'compare.mjs': COMPARE,
};

const CASES = ['true, true', 'true, false', 'false, true', 'false, false'];

/** What reports say of a block and of the same plain JavaScript. */
export const COVERAGE: readonly Row[] = [
  {
    name: 'c8',
    nightly: true,
    packages: ['c8@10'],
    files: {
      ...FILES,
      ...Object.fromEntries(
        CASES.map((both, i) => [`src/${i}.ts`, `import { runEach } from './each.ts';\nrunEach(${both});\n`]),
      ),
    },
    commands: CASES.flatMap((_, i) => [
      `c8 -r json --include 'src/{plain.js,blocks.ts}' node --import onnsight/register src/${i}.ts`,
      'node compare.mjs',
    ]),
    expects: ['equal'],
  },
  ...(['v8', 'istanbul'] as const).map(
    (provider): Row => ({
      name: `coverage of vitest, ${provider}`,
      nightly: provider !== 'v8',
      packages: ['vitest@4.1.11', `@vitest/coverage-${provider}@4.1.11`],
      files: {
        ...FILES,
        ...Object.fromEntries(
          CASES.map((both, i) => [
            `src/${i}.test.ts`,
            `import { test } from 'vitest';\nimport { runEach } from './each.ts';\ntest('runs', () => runEach(${both}));\n`,
          ]),
        ),
        'vitest.config.ts': `import onnsight from 'onnsight/vite';
export default { plugins: [onnsight()], test: { coverage: { provider: '${provider}', reporter: ['json'], include: ['src/{plain.js,blocks.ts}'] } } };
`,
      },
      commands: CASES.flatMap((_, i) => [`vitest run --coverage src/${i}.test.ts`, 'node compare.mjs']),
      expects: ['equal'],
    }),
  ),
];
