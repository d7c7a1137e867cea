// `npm run docs`: writes openapi.yaml and the generated pages of docs/ anew, from the code and from the titles of its tests.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generatedFiles } from '../src/cli/reference.ts';
import { citedSections, namedRows, standardsPage } from '../test/house/cited.ts';
import { architecturePage } from '../test/house/rooms.ts';

const root = join(import.meta.dirname, '..');
const pages = {
  'docs/standards.md': standardsPage(citedSections(root), namedRows(root)),
  'docs/architecture.md': architecturePage(root),
};

for (const [path, text] of Object.entries({ ...(await generatedFiles()), ...pages })) {
  writeFileSync(join(root, path), text);
  process.stdout.write(`${path}\n`);
}
