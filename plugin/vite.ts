import { onnsight } from './unplugin.ts';

/** `plugins: [onnsight()]` in vite.config.ts or vitest.config.ts. */
const vite = onnsight.vite;
export default vite;
