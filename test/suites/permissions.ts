import { runParts } from '../support/tap.ts';

await runParts('permissions/**/*.test.ts');
