import { runParts } from '../support/tap.ts';

await runParts('imports/**/*.test.ts');
