import { test } from 'vitest';

test('runs inside vitest', async () => {
  await import('./app.ts');
});
