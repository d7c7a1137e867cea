import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import fc from 'fast-check';
import { pino } from 'pino';
import t from 'tap';
import { makeMasterKey, readConfig, readMasterKey, settings } from '../../src/platform/config/index.ts';
import { foldName, hasUnprintable } from '../../src/platform/fold.ts';
import { suggest } from '../../src/platform/suggest.ts';
import { logOptions, safeError } from '../../src/platform/telemetry/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'config-'));

t.test('contract §7: an unknown SIGNET_ name is an error with a suggestion', async (t) => {
  t.throws(() => readConfig('development', { SIGNET_ISUER: 'x' }), {
    message: /There is no setting SIGNET_ISUER\. Did you mean SIGNET_ISSUER\?/,
  });
  t.throws(() => readConfig('development', { SIGNET_ZZZZZZZZZZZZ: 'x' }), { message: /npx signet config/ });
  t.throws(
    () => readConfig('development', { SIGNET_PORT_FILE: '/x' }),
    { message: /no setting SIGNET_PORT_FILE/ },
    'only secrets come by file',
  );
  t.doesNotThrow(() => readConfig('development', { PATH: '/bin', HOME: '/x' }));
});

t.test('contract §7: what a setting does not take is one line that names it; a secret is not repeated', async (t) => {
  for (const [name, value, message] of [
    ['SIGNET_PORT', '70000', /SIGNET_PORT takes a whole number from 1 to 65535 \(it is "70000"\)/],
    ['SIGNET_PORT', '1e3', /whole number/],
    ['SIGNET_PASSWORD_MIN_LENGTH', '7', /from 8/],
    ['SIGNET_SIGNUP', 'maybe', /one of: open, closed/],
    ['SIGNET_SIGNUP', 'invite', /one of: open, closed/],
    ['SIGNET_ISSUER', 'http://id.example', /https URL/],
    ['SIGNET_ISSUER', 'https://id.example/', /trailing slash/],
    ['SIGNET_ISSUER', 'https://id.example?x=1', /query/],
    ['SIGNET_TRUSTED_ORIGINS', 'https://a.example/path', /takes origins/],
    ...[
      ...['http', 'https', 'ws', 'wss', 'ftp', 'file', 'javascript', 'data', 'vbscript', 'blob', 'about', 'filesystem'],
      ...['view-source', 'mailto', 'intent', 'JavaScript', 'Cursor', 'cursor:', 'cursor://x', '1a', 'a b', 'ä'],
    ].map((scheme): [string, string, RegExp] => ['SIGNET_REDIRECT_SCHEMES', `vscode,${scheme}`, /takes schemes/]),
  ] as const)
    t.throws(() => readConfig('production', { [name]: value }), { kind: 'usage', message }, `${name}=${value}`);
  const config = readConfig('production', { SIGNET_MASTER_KEY: 'hunter2' });
  try {
    readMasterKey(config);
    t.fail('a short key was taken');
  } catch (error) {
    t.match((error as Error).message, /SIGNET_MASTER_KEY must hold 32 bytes/);
    t.notMatch((error as Error).message, /hunter2/);
  }
});

t.test('contract §7: secrets by _FILE; both at once is an error; the source is remembered', async (t) => {
  const file = join(folder, 'url');
  writeFileSync(file, 'postgres://db/x\n');
  const config = readConfig('production', { DATABASE_URL_FILE: file });
  t.same(
    [config.databaseUrl, config.sources.databaseUrl, config.sources.port],
    ['postgres://db/x', 'DATABASE_URL_FILE', 'default'],
  );
  t.throws(() => readConfig('production', { DATABASE_URL_FILE: file, DATABASE_URL: 'x' }), { message: /both set/ });
  t.throws(() => readConfig('production', { DATABASE_URL_FILE: '/nowhere' }), { message: /cannot be read/ });
});

t.test('every default is a value that its own setting takes', async (t) => {
  for (const mode of ['development', 'production'] as const) {
    const config = readConfig(mode, {});
    for (const [name, one] of Object.entries(settings)) {
      const value = config[name as keyof typeof settings];
      if (value === undefined || Array.isArray(value)) continue;
      t.doesNotThrow(() => one.read(String(value)), `${mode} ${name}`);
    }
  }
});

t.test('the master key is made once, for its owner alone, and read in hex or base64url', async (t) => {
  const config = readConfig('development', { SIGNET_KEYS_DIR: join(folder, 'keys') });
  t.equal(readMasterKey(config), undefined);
  const made = makeMasterKey(config);
  t.equal(made.length, 32);
  t.same(makeMasterKey(config), made, 'made twice is made once');
  t.equal(statSync(join(folder, 'keys', 'master.key')).mode & 0o777, 0o600);
  t.same(readMasterKey(readConfig('production', { SIGNET_MASTER_KEY: made.toString('hex') })), made);
  t.same(readMasterKey(readConfig('production', { SIGNET_MASTER_KEY: made.toString('base64url') })), made);
});

t.test('names fold to one form, whatever their case and width', async (t) => {
  t.equal(foldName('\u212aELVIN'), foldName('kelvin'), 'the Kelvin sign');
  t.equal(foldName('ｆｕｌｌ'), 'full');
  t.equal(foldName('e\u0301'), foldName('É'));
  t.not(foldName('а'), foldName('a'), 'a Cyrillic letter is another letter');
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      (text) =>
        foldName(foldName(text)) === foldName(text) ||
        hasUnprintable(text) ||
        foldName(foldName(foldName(text))) === foldName(foldName(text)),
    ),
  );
});

t.test('the nearest word is suggested, and none when none is near', async (t) => {
  t.equal(suggest('usr list', ['user list', 'group list']), 'user list');
  t.equal(suggest('zzzzzz', ['user list', 'group list']), undefined);
});

t.test('nothing secret reaches the log', async (t) => {
  let written = '';
  const write = (chunk: Buffer, _encoding: string, done: () => void) => {
    written += chunk;
    done();
  };
  const log = pino(logOptions('trace'), new Writable({ write }));
  log.info({
    password: 'hunter2',
    body: { password: 'hunter2', new_password: 'hunter2' },
    req: { method: 'POST', url: '/setup?token=hunter2', headers: { cookie: 'hunter2', authorization: 'hunter2' } },
  });
  log.info({ headers: { cookie: 'hunter2' }, access_token: 'hunter2', a: { b: { client_secret: 'hunter2' } } });
  const refused = Object.assign(new Error('insert into identity_user values (hunter2)'), {
    code: '23505',
    constraint: 'c',
    detail: 'Key (x)=(hunter2)',
  });
  log.error({ err: refused });
  t.notMatch(written, /hunter2/);
  t.match(written, /the database refused a statement \(23505\)/);
  t.notMatch(JSON.stringify(safeError(refused)), /hunter2/);
});
