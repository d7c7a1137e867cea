import { runParts } from '../support/tap.ts';

await runParts('{ui,web}/**/*.test.ts');
