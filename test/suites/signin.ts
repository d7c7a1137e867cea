import { runParts } from '../support/tap.ts';

await runParts('{users,passwords,sessions,signin}/**/*.test.ts');
