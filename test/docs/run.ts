import { writeFileSync } from 'node:fs';

/* Runs programs by their names in a folder, one after the other, and writes the lines that each prints into RESULTS. */
const [folder, ...names] = process.argv.slice(2);
const printed: Record<string, string[]> = {};
const log = console.log;
for (const name of names) {
  const lines: string[] = [];
  printed[name] = lines;
  console.log = (...values) => lines.push(...values.map(String).join(' ').split('\n'));
  const start = performance.now();
  await import(new URL(`../../${folder}/${name}.ts`, import.meta.url).href).catch((error) => {
    lines.push(String(error));
  });
  log(`${name}: ${Math.round(performance.now() - start)} ms`);
}
writeFileSync(process.env.RESULTS!, JSON.stringify(printed));
