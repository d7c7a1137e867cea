// `npm run docs`: writes openapi.yaml and the generated pages of docs/ anew, from the code.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generatedFiles } from '../src/cli/reference.ts';

for (const [path, text] of Object.entries(await generatedFiles())) {
  writeFileSync(join(import.meta.dirname, '..', path), text);
  process.stdout.write(`${path}\n`);
}
