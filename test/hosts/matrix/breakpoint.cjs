/*
 * Preloaded into every process of a row's last command: a breakpoint on the block's line, set through the source map as
 * editors do. Where it stops, the file that BREAKS names gets the user's line and the variables in scope. It is required
 * and not imported, as that would make Node start programs as modules that it starts otherwise.
 */
const { appendFileSync, readFileSync } = require('node:fs');
const { Session } = require('node:inspector');
const { basename, dirname, join } = require('node:path');
const { fileURLToPath } = require('node:url');
const { generatedPositionFor, LEAST_UPPER_BOUND, originalPositionFor, TraceMap } = require('@jridgewell/trace-mapping');

const FILES = /\b(steer\.ts|app\.(vue|svelte|astro))$/;
const LINE = 5;
const VARIABLES = ['alpha', 'layer', 'lm'];

const session = new Session();
const maps = new Map();

session.on('Debugger.scriptParsed', ({ params: { scriptId, url, sourceMapURL } }) => {
  if (!sourceMapURL || url.includes('node_modules')) return;
  const map = new TraceMap(mapText(url, sourceMapURL));
  const source = map.sources.find((path) => FILES.test(path ?? ''));
  if (source === undefined) return;
  const { line, column } = generatedPositionFor(map, { source, line: LINE, column: 0, bias: LEAST_UPPER_BOUND });
  if (line === null) return;
  maps.set(scriptId, map);
  session.post('Debugger.setBreakpoint', { location: { scriptId, lineNumber: line - 1, columnNumber: column } });
});

session.on('Debugger.paused', ({ params: { callFrames } }) => {
  const [{ location, scopeChain }] = callFrames;
  const map = maps.get(location.scriptId);
  if (!map) return;
  const { line, source } = originalPositionFor(map, { line: location.lineNumber + 1, column: location.columnNumber });
  const names = new Set();
  for (const { type, object } of scopeChain) {
    if (type === 'global') continue;
    session.post('Runtime.getProperties', { objectId: object.objectId }, (_, { result }) => {
      for (const { name } of result) names.add(name);
    });
  }
  const shown = VARIABLES.filter((name) => names.has(name));
  appendFileSync(process.env.BREAKS, `breakpoint at ${basename(source)}:${line} shows ${shown.join(', ')}\n`);
});

try {
  session.connect();
  session.post('Debugger.enable');
} catch {
  // some of Node's own threads cannot be debugged
}

function mapText(url, map) {
  const [, inline] = /^data:.*?base64,(.*)$/s.exec(map) ?? [];
  if (inline !== undefined) return Buffer.from(inline, 'base64').toString();
  return readFileSync(join(dirname(url.startsWith('file:') ? fileURLToPath(url) : url), map), 'utf8');
}
