import { join } from 'node:path';
import { root } from './database.ts';

const { default: getExePath } = (await import(join(root, 'node_modules/typescript/lib/getExePath.js'))) as {
  default: () => string;
};

/** The compiler binary: its Node wrapper conflicts with the hooks that the test runner loads into every Node process. */
export const tsc = getExePath();
