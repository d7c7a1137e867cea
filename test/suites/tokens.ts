import { runParts } from '../support/tap.ts';

await runParts('tokens/**/*.test.ts');
