import { runParts } from '../support/tap.ts';

await runParts('conformance/**/*.test.ts');
