import { runParts } from '../support/tap.ts';

await runParts('identity/*.test.ts', 'identity/passwords/**/*.test.ts');
