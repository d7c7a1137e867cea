import { runParts } from '../support/tap.ts';

await runParts('{bench,clients,deploy,docs,guides,house,kits,server}/**/*.test.ts');
