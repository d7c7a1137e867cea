import { runParts } from '../support/tap.ts';

await runParts('platform/**/*.test.ts');
