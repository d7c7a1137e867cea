import { runParts } from '../support/tap.ts';

await runParts('oauth/**/*.test.ts');
