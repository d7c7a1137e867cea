import { runParts } from '../support/tap.ts';

await runParts('access/**/*.test.ts');
