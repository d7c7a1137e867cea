import { runParts } from '../support/tap.ts';

await runParts('api/**/*.test.ts', 'audit/**/*.test.ts');
