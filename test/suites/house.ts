import { runParts } from '../support/tap.ts';

await runParts('{bench,clients,deploy,docs,guides,house,validators,verifiers}/**/*.test.ts', '*.test.ts');
