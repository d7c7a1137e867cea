import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { commands } from '../../src/cli/commands.ts';
import { root } from '../support/database.ts';
import t from '../support/tap.ts';

/** The files and packages that a file loads at once, directly or through others. */
function loadedBy(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  const text = readFileSync(join(root, file), 'utf8');
  for (const [, from = ''] of text.matchAll(/^(?:import|export)\b(?! type)[^'";]*?from '([^']+)'/gm)) {
    if (from.startsWith('.')) loadedBy(relative(root, join(root, dirname(file), from)), found);
    else found.add(from);
  }
  return found;
}

const packages = (files: Set<string>) =>
  [...files].filter((one) => !one.startsWith('node:') && !one.startsWith('src/') && !one.startsWith('kits/')).sort();

t.test(
  'docs/commands.md: a command line is read without the work of its command, the ORM and the server',
  async (t) => {
    const loaded = loadedBy('src/cli/run.ts');
    t.same(packages(loaded), ['@stricli/core', 'ipaddr.js']);
    const rooms = new Set([...loaded].filter((one) => one.startsWith('src/')).map((one) => one.split('/')[1]));
    t.same([...rooms].sort(), ['cli', 'oauth', 'permissions', 'platform', 'server']);
    // Of the domain only the tables of settings, which import nothing.
    const domain = [...loaded].filter((one) => /^src\/(oauth|permissions)\//.test(one));
    t.same(
      domain.filter((one) => !/\/(client|api)-settings\//.test(one)),
      [],
    );
    t.same(
      [...loaded].filter((one) => /^src\/(server|cli\/commands)\//.test(one)),
      ['src/server/control.ts', 'src/server/errors.ts'],
    );
  },
);

t.test('docs/commands.md: the work of every command can be loaded', async (t) => {
  for (const command of commands) t.type(await command.load(), 'function', command.name);
});
