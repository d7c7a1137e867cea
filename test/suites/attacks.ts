import { runParts } from '../support/tap.ts';

await runParts('attacks/**/*.test.ts');
