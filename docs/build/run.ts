import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';

/*
 * Runs programs of the working directory by their names, one after the other in one process, and writes the lines that
 * each prints into printed.json there. What fails has its error in its lines.
 */
const printed: Record<string, string[]> = {};
const print = console.log;
for (const name of process.argv.slice(2)) {
  const lines: string[] = [];
  printed[name] = lines;
  console.log = (...values) => lines.push(...format(...values).split('\n'));
  const start = performance.now();
  await import(pathToFileURL(join(process.cwd(), `${name}.ts`)).href).catch((error) => lines.push(String(error)));
  print(`${name}: ${Math.round(performance.now() - start)} ms`);
}
writeFileSync('printed.json', JSON.stringify(printed));
