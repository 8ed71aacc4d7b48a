import { fileURLToPath } from 'node:url';
import { writeReference } from './reference.ts';

/* Makes the reference that the package has beside the manual: `npm run docs:reference`, which npm does when it packs. */
writeReference(fileURLToPath(new URL('../reference', import.meta.url)));
