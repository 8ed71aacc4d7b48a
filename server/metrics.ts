import type { Job } from './job.ts';
import type { ServerPackages } from './packages.ts';

/** What Prometheus is told. */
export class Metrics {
  readonly registry;
  readonly #jobs;
  readonly #seconds;
  readonly #replaced;
  readonly #waiting;
  readonly #memory;

  constructor({ Counter, Gauge, Histogram, Registry, collectDefaultMetrics }: ServerPackages['prometheus']) {
    const registry = new Registry();
    const registers = [registry];
    collectDefaultMetrics({ register: registry });
    this.registry = registry;
    this.#jobs = new Counter({
      name: 'onnsight_jobs_total',
      help: 'Jobs that have ended, by how.',
      labelNames: ['model', 'status'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'onnsight_job_seconds',
      help: 'From the arrival of a job to its end.',
      labelNames: ['model'],
      buckets: [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300],
      registers,
    });
    this.#replaced = new Counter({
      name: 'onnsight_processes_replaced_total',
      help: 'Processes of models that a job has ended, or that were ended at a limit.',
      labelNames: ['model'],
      registers,
    });
    this.#memory = new Gauge({
      name: 'onnsight_model_process_bytes',
      help: 'Memory of the process of a model after its last job.',
      labelNames: ['model'],
      registers,
    });
    this.#waiting = new Gauge({
      name: 'onnsight_jobs_waiting',
      help: 'Jobs that wait.',
      labelNames: ['model'],
      registers,
    });
  }

  waiting(model: string, count: number): void {
    this.#waiting.set({ model }, count);
  }

  memory(model: string, bytes: number): void {
    this.#memory.set({ model }, bytes);
  }

  ended({ request: { model }, status, created, ended }: Job): void {
    this.#jobs.inc({ model, status });
    this.#seconds.observe({ model }, (ended - created) / 1000);
  }

  replaced(model: string): void {
    this.#replaced.inc({ model });
  }
}
