import { runParts } from '../support/tap.ts';

await runParts('cli/**/*.test.ts');
