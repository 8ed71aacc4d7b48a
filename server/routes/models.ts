import type { FastifyInstance } from 'fastify';
import { RefusalError } from '../refusal.ts';
import type { ServedModel } from '../served-model.ts';

/** What the server has: `/models` in short, `/models/NAME` with the modules, `/models/NAME/types` as declarations. */
export function modelRoutes(app: FastifyInstance, models: readonly ServedModel[]): void {
  const find = (request: { readonly params: unknown }): ServedModel => {
    const { name } = request.params as { name: string };
    const model = models.find((one) => one.name === name);
    if (model) return model;
    throw new RefusalError(404, `There is no model '${name}': there is ${models.map((one) => one.name).join(', ')}.`);
  };
  app.get('/models', async () => ({
    models: models.map(({ name, hash, inputs, outputs }) => ({ name, hash, inputs, outputs })),
  }));
  app.get('/models/:name', async (request) => {
    const { name, hash, inputs, outputs, modules } = find(request);
    return { name, hash, inputs, outputs, modules };
  });
  app.get('/models/:name/types', async (request, reply) =>
    reply.type('text/plain; charset=utf-8').send(find(request).types),
  );
}
