import { runParts } from '../support/tap.ts';

await runParts('identity/import/**/*.test.ts');
