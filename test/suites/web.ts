import { runParts } from '../support/tap.ts';

await runParts('web/**/*.test.ts');
