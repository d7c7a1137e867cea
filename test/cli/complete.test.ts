import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { completion } from '../../src/cli/commands/completion.ts';
import { commands, sections } from '../../src/cli/commands.ts';
import { complete } from '../../src/cli/complete.ts';
import { runCommand } from '../../src/cli/run.ts';
import t from '../support/tap.ts';

const words = async (...typed: string[]) => (await complete(typed)).map(({ word }) => word);

t.test('docs/commands.md: completion proposes commands, options and values', async (t) => {
  t.same(await words('us'), ['user']);
  const firstWords = sections.flatMap(({ noun, commands }) => noun ?? commands.map(({ name }) => name));
  t.same((await words('')).sort(), firstWords.sort());
  t.same(await words('user', 're'), ['rename']);
  t.same(await words('--json', 'user', 'rename', 'x', '--u'), ['--user-id']);
  t.same(await words('user', 'update', 'bob', '--st'), ['--staff']);
  t.same(await words('user', 'update', 'bob', '--staff', ''), ['on', 'off']);
  t.same(await words('api', 'create', 'x', '--format', 'b'), ['bitmap']);
  t.same(await words('client', 'create', 'x', '--grant', 'dev'), ['device']);
  t.same(await words('completion', ''), ['bash', 'zsh', 'fish']);
  t.same(await words('client', 'create', 'x', '--api', 'a', '--ap'), ['--api'], 'a list goes on');
  t.same(await words('user', 'list', '--limit', '5', '--li'), [], 'an option that has its value is not proposed again');
  t.ok((await words('user', 'list', '-')).includes('--json'));
  t.match(await complete(['user', 'show', '--user']), [{ word: '--user-id', help: /^The id of the user/ }]);
});

t.test('docs/commands.md: completion of --name=value, as one word and as the three words of bash', async (t) => {
  t.same(await words('user', 'update', 'bob', '--staff=o'), ['--staff=on', '--staff=off']);
  t.same(await words('user', 'update', 'bob', '--staff', '=', 'of'), ['off']);
  t.same(await words('user', 'update', 'bob', '--staff', '='), ['on', 'off']);
  t.same(await words('user', 'update', 'bob', '--staff', '=', 'on', '--sup'), ['--superuser']);
});

t.test('docs/commands.md: completion proposes nothing for a file, and after a mistake', async (t) => {
  t.same(await words('api', 'sync', ''), []);
  t.same(await words('nonsense', ''), []);
  t.same(await words('user', 'list', '--nonsense', ''), []);
  t.same(await words('user', 'constructor', ''), []);
});

t.test('docs/commands.md: a shell gets one proposal a line, with its meaning after a tab', async (t) => {
  const result = await runCommand(
    ['__complete', 'user', 'l'],
    {},
    () => {},
    () => {},
  );
  const summary = commands.find((one) => one.name === 'user list')?.summary;
  t.same(result, { exit: 0, stdout: `list\t${summary}\n`, stderr: '' });
});

async function script(shell: string): Promise<string> {
  const local = { commands, environment: {}, readStdin: async () => '', print: () => {} };
  const output = await completion(local, { positionals: [shell], options: {}, stdin: null, file: null });
  return output?.text ?? '';
}

const run = promisify(execFile);
const hasShell = (shell: string) =>
  run(shell, ['--version']).then(
    () => true,
    () => false,
  );

/** Each shell checks the syntax of a script by `-n`. */
for (const shell of ['bash', 'zsh', 'fish'])
  t.test(
    `docs/commands.md: signet completion ${shell} prints a script that ${shell} can read`,
    { skip: (await hasShell(shell)) ? false : `${shell} is not installed` },
    async (t) => {
      const file = join(mkdtempSync(join(tmpdir(), 'signet-test-')), 'script');
      writeFileSync(file, await script(shell));
      t.same(await run(shell, ['-n', file]), { stdout: '', stderr: '' });
    },
  );

t.test(
  'docs/commands.md: bash completes the words of signet',
  { skip: (await hasShell('bash')) ? false : 'bash is not installed' },
  async (t) => {
    /** Returns what the function of the script answers for the words of a line. */
    const completed = async (...line: string[]) => {
      const program = `${await script('bash')}
        COMP_WORDS=(signet "$@") COMP_CWORD=$#
        _signet
        printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout } = await run('bash', ['--norc', '-c', program, 'bash', ...line]);
      return stdout.trim().split('\n');
    };
    t.same(await completed('us'), ['user']);
    t.same(await completed('session', ''), ['list', 'end']);
    t.same(await completed('user', 'update', 'bob', '--staff', '=', 'of'), ['off']);
    t.same(await completed('api', 'sync', ''), [''], 'bash goes on with the names of files');
  },
);

t.test('docs/commands.md: a shell without a script is refused (exit 2)', async (t) => {
  const result = await runCommand(
    ['completion', 'csh'],
    {},
    () => {},
    () => {},
  );
  t.match(result, { exit: 2, stderr: /bash, zsh.*fish.*csh[\s\S]*Usage: npx signet completion SHELL/ });
});
