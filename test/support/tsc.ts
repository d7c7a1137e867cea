import { join } from 'node:path';
import { root } from './database.ts';

const { default: exePathOf } = (await import(join(root, 'node_modules/typescript/lib/getExePath.js'))) as {
  default: () => string;
};

/** The compiler itself: its Node wrapper does not go with what the test runner loads into every Node. */
export const tsc = exePathOf();
