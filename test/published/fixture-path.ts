import { fileURLToPath } from 'node:url';

/** The path of a file in fixtures/published. */
export const fixturePath = (name: string) => fileURLToPath(new URL(`../fixtures/published/${name}`, import.meta.url));
