/** A process that runs the cases it is told to: one that ends it is counted by who started it. */
import { type Kind, runCase } from './case.ts';

process.on('message', async ([kind, seed]: [Kind, number]) => {
  const before = process.memoryUsage().rss;
  const told = await runCase(kind, seed, (isPlain) => process.send!({ isPlain }));
  const cpu = process.cpuUsage();
  process.send!({ ...told, grown: process.memoryUsage().rss - before, cpu: cpu.user + cpu.system });
});
process.send!('ready');
