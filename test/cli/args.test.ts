import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commands } from '../../src/cli/commands/index.ts';
import { tokenInspect } from '../../src/cli/commands/token-inspect.ts';
import { failed, type Result, toResult } from '../../src/cli/execute.ts';
import { runCommand } from '../../src/cli/run.ts';
import { postgresqlUrl } from '../support/database.ts';
import { freePort } from '../support/process.ts';
import t, { type Test } from '../support/tap.ts';
import { split } from './harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'signet-test-'));
const place = { SIGNET_DATA_DIR: join(folder, 'data'), SIGNET_KEYS_DIR: join(folder, 'keys') };

/** As typed, in this process; what a command printed on its way stands before its answer. */
async function typed(words: string, environment: Record<string, string> = place): Promise<Result> {
  let printed = '';
  const result = await runCommand(
    split(words),
    environment,
    (text) => {
      printed += text;
    },
    () => {},
  );
  return { ...result, stdout: printed + result.stdout };
}

t.test(
  'docs/commands.md: every command has help, takes --json, and refuses an option that it does not have (exit 2)',
  async (t) => {
    for (const command of commands) {
      const help = await typed(`${command.name} --help`);
      t.match(help, { exit: 0, stderr: '' }, command.name);
      t.ok(help.stdout.startsWith(`${command.summary}\nUsage: npx signet ${command.name}`), command.name);
      for (const option of Object.keys(command.options ?? {}))
        t.match(command.usage, new RegExp(`--${option}\\b`), `${command.name}: usage tells --${option}`);
      const refused = await typed(`${command.name} --no-such-option`);
      t.match(
        refused,
        { exit: 2, stdout: '', stderr: /^signet: Unknown option '--no-such-option'\.\nUsage: npx signet / },
        command.name,
      );
      const json = await typed(`${command.name} --no-such-option --json`);
      t.match(JSON.parse(json.stdout), { error: { kind: 'usage', message: /Usage/ } }, command.name);
    }
  },
);

t.test('docs/commands.md: a word that is no command is answered with the near one (exit 2)', async (t) => {
  t.match(await typed('creatsuperuser'), { exit: 2, stderr: /Did you mean "createsuperuser"\?/ });
  t.match(await typed('user lsit'), { exit: 2, stderr: /Did you mean "user list"\? There are: / });
  t.match(await typed('usr list'), { exit: 2, stderr: /Did you mean "user list"\?/ });
  t.match(await typed('user'), { exit: 2, stderr: /There are: signet user create, / });
  t.match(
    await typed('user list --afetr x'),
    { exit: 2, stderr: /--afetr'\. Did you mean --after\?\nUsage: .*--after NAME/ },
    'an option too, with the usage line',
  );
});

t.test('docs/commands.md: a command on a folder without a database says how to make one (exit 3)', async (t) => {
  t.match(await typed('user list'), { exit: 3, stdout: '', stderr: /no database in .*npx signet migrate/ });
});

t.test(
  'docs/commands.md: a PostgreSQL that does not answer is exit 5, and the password in its URL is not printed',
  async (t) => {
    const url = `postgres://signet:hunter2@127.0.0.1:${await freePort()}/signet`;
    for (const words of ['user list', 'user list --json', 'token verify nothing']) {
      const result = await typed(words, { ...place, DATABASE_URL: url });
      t.match(result, { exit: 5, stderr: /does not answer at DATABASE_URL/ }, words);
      t.notMatch(result.stdout + result.stderr, /hunter2/);
    }
  },
);

t.test(
  'docs/commands.md: a refusal of PostgreSQL names its remedy (exit 5)',
  { skip: postgresqlUrl ? false : 'DATABASE_URL is not set' },
  async (t) => {
    const to = (change: (url: URL) => void) => {
      const url = new URL(postgresqlUrl as string);
      change(url);
      return { ...place, DATABASE_URL: url.href };
    };
    const missing = to((url) => {
      url.pathname = '/no_such_database';
    });
    t.match(await typed('user list', missing), {
      exit: 5,
      stderr: /does not exist\. Create the database \(createdb no_such_database\)/,
    });
    const stranger = to((url) => {
      url.username = 'no_such_user';
    });
    t.match(await typed('user list', stranger), {
      exit: 5,
      stderr: /Correct the user or the password in DATABASE_URL/,
    });
  },
);

t.test('docs/commands.md: commands work on a data folder that no server holds', async (t) => {
  t.match(await typed('migrate'), { exit: 0, stderr: '' });
  const environment = {
    ...place,
    SIGNET_SUPERUSER_USERNAME: 'root',
    SIGNET_SUPERUSER_PASSWORD: 'correct horse battery',
  };
  const { exit, stdout } = await typed('createsuperuser --noinput --json', environment);
  t.equal(exit, 0);
  t.match(JSON.parse(stdout), { user: { username: 'root', is_superuser: true, is_staff: true } });
  t.match(await typed('createsuperuser --noinput', environment), { exit: 4, stdout: '', stderr: /already exists/ });
  t.match(await typed('createsuperuser --noinput'), { exit: 2, stdout: '', stderr: /SIGNET_SUPERUSER_USERNAME/ });
  const file = join(folder, 'polls.yaml');
  writeFileSync(file, 'audience: polls\napps: {polls: {models: [question]}}');
  t.match(await typed(`api sync ${file}`), {
    exit: 0,
    stdout: /Created the API polls\.\nCatalogue of polls: version 1\./,
  });
  t.match(await typed(`api sync ${file}.not`), { exit: 3, stderr: /cannot be read \(ENOENT\)/ });
  t.match(await typed('user show root --json'), { exit: 0, stdout: /"algorithm": "argon2id_nfkc"/ });
});

t.test('config', async (t) => {
  await t.test('docs/configuration.md: config shows each value and where it came from, secrets masked', async (t) => {
    const file = join(folder, 'secret');
    writeFileSync(file, 'f'.repeat(64));
    const environment = {
      ...place,
      DATABASE_URL: 'postgres://signet:hunter2@db/signet',
      SIGNET_MASTER_KEY_FILE: file,
      SIGNET_SUPERUSER_PASSWORD: 'hunter2',
      SIGNET_TRUSTED_ORIGINS: 'https://a.test,https://b.test',
    };
    const { exit, stdout } = await typed('config --json', environment);
    t.equal(exit, 0);
    const { mode, settings } = JSON.parse(stdout);
    t.equal(mode, 'production');
    const of = (name: string) => settings.find((one: { name: string }) => one.name === name);
    t.match(of('DATABASE_URL'), { value: '********', source: 'DATABASE_URL' });
    t.match(of('SIGNET_MASTER_KEY'), { value: '********', source: 'SIGNET_MASTER_KEY_FILE' });
    t.match(of('SIGNET_PORT'), { value: 4000, source: 'default', meaning: /Port/ });
    t.match(of('SIGNET_ISSUER'), { value: null, source: 'default' });
    t.same(of('SIGNET_TRUSTED_ORIGINS').value, ['https://a.test', 'https://b.test']);
    const text = await typed('config', environment);
    t.match(text.stdout, /^SETTING +VALUE +FROM\nDATABASE_URL +\*{8} +DATABASE_URL\n/);
    t.notMatch(stdout + text.stdout, /hunter2|ffff/);
  });

  await t.test(
    'docs/configuration.md: a name that is no setting is an error with a suggestion, here below the list',
    async (t) => {
      const wrong = { ...place, SIGNET_PROT: '1' };
      t.match(await typed('config', wrong), {
        exit: 2,
        stdout: /SIGNET_PORT +4000 +default/,
        stderr: /There is no setting SIGNET_PROT\. Did you mean SIGNET_PORT\?/,
      });
      t.match(JSON.parse((await typed('config --json', wrong)).stdout), { error: { kind: 'usage' } });
      t.match(await typed('config', { ...place, SIGNET_PORT: 'x' }), {
        exit: 2,
        stdout: '',
        stderr: /SIGNET_PORT must be a whole number/,
      });
    },
  );
});

t.test('token inspect', async (t) => {
  const part = (value: unknown) =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const token = (claims: object) => `${part({ alg: 'RS256', typ: 'at+jwt' })}.${part(claims)}.${part('signature')}`;

  await t.test(
    'docs/commands.md: token inspect shows header and claims, the time left, and that nothing was verified',
    async (t) => {
      const { data } = await inspect(token({ iss: 'x', exp: now + 500 }));
      t.match(data, {
        verified: false,
        header: { alg: 'RS256', typ: 'at+jwt' },
        claims: { iss: 'x', exp: now + 500 },
        is_expired: false,
      });
      const { text } = await inspect(token({ sub: 'a\u009bb', exp: now + 500 }));
      t.match(
        text,
        /^Header {2}\{[\s\S]*Claims {2}\{[\s\S]*Expires in 8 min \d+ s\.\n\d+ bytes\. Nothing was verified/,
      );
      t.match(text, 'a\\u009bb', 'what a token says does not steer the terminal');
      t.match((await inspect(token({ exp: now - 7300 }))).text, /Expired 2 h 1 min ago\./);
      t.match(await inspect(token({})), {
        data: { expires_in: null, is_expired: null },
        text: /does not say when it expires/,
      });
    },
  );

  await t.test(
    'docs/commands.md, RFC 7515 §7.1: a text that is no JWT is exit 2, and so is a token on the command line',
    async (t) => {
      const wrong: [string, RegExp][] = [
        ['', /Standard input is empty\. Pipe the token/],
        ['hello', /has 1 part in place of three with dots between them/],
        ['a.b.c', /header is not a JSON object/],
        [`${part({})}.${part([1])}.x`, /claims are not a JSON object/],
        [`${part({})}.${part('{"a":"\ud800"')}.x`, /claims are not a JSON object/],
        ['a.b.c.d.e', /JWE/],
        ['a.b.c=', /not base64url/],
        [`${part({})}.${part({})}.${'x'.repeat(70_000)}`, /characters/],
      ];
      for (const [text, why] of wrong) await refused(t, text, why);
      t.match(await typed(`token inspect ${token({})}`), {
        exit: 2,
        stdout: '',
        stderr: /stays in the shell's history/,
      });
    },
  );

  function inspect(text: string) {
    const local = { commands, environment: {}, readStdin: async () => `${text}\n`, print: () => {} };
    return tokenInspect.run(local, { positionals: ['-'], options: {}, stdin: null, file: null }) as Promise<{
      data: object;
      text: string;
    }>;
  }

  async function refused(t: Test, text: string, why: RegExp): Promise<void> {
    const result = await inspect(text).then(
      (output) => toResult(output, false),
      (error) => failed(error, false),
    );
    t.match(result, { exit: 2, stdout: '', stderr: why }, text.slice(0, 20));
  }
});
