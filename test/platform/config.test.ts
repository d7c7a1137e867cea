import { mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { pino } from 'pino';
import { casefoldName, hasUnprintable } from '../../src/platform/casefold.ts';
import { makeMasterKey, readConfig, readMasterKey, settings } from '../../src/platform/config/index.ts';
import { DomainError } from '../../src/platform/errors.ts';
import { logOptions, safeError } from '../../src/platform/telemetry/index.ts';
import { suggest } from '../../src/platform/text.ts';
import t from '../support/tap.ts';

const folder = mkdtempSync(join(tmpdir(), 'config-'));

t.test('docs/configuration.md: an unknown SIGNET_ name is an error with a suggestion', async (t) => {
  t.throws(() => readConfig('development', { SIGNET_ISUER: 'x' }), {
    code: 'setting_unknown',
    params: { name: 'SIGNET_ISUER', near: 'SIGNET_ISSUER' },
  });
  t.throws(() => readConfig('development', { SIGNET_ZZZZZZZZZZZZ: 'x' }), {
    code: 'setting_unknown',
    params: { near: null },
  });
  t.throws(
    () => readConfig('development', { SIGNET_PORT_FILE: '/x' }),
    { code: 'setting_unknown', params: { name: 'SIGNET_PORT_FILE' } },
    'only secrets come by file',
  );
  t.doesNotThrow(() => readConfig('development', { PATH: '/bin', HOME: '/x' }));
});

t.test(
  'docs/configuration.md: what a setting does not take is refused by its name; a secret is not repeated',
  async (t) => {
    type Refused = readonly [name: string, value: string, code: string, params?: object];
    const refused: Refused[] = [
      ['SIGNET_PORT', '70000', 'setting_not_whole_number', { from: 1, to: 65_535 }],
      ['SIGNET_PORT', '1e3', 'setting_not_whole_number'],
      ['SIGNET_TRUST_PROXY', '10.0.0.0/8/24', 'setting_not_network'],
      ['SIGNET_FETCH_ALLOW', '10.0.0.0/8/24', 'setting_not_target'],
      // Whoever is trusted says where requests come from: nobody trusts everybody, at once or piece by piece.
      ...[
        '0.0.0.0/0',
        '10.0.0.0/0',
        '0.0.0.0/1,128.0.0.0/1',
        '64.0.0.0/2',
        '10.0.0.0/7',
        '::/0',
        '::/1',
        '8000::/1',
        '2000::/3',
      ].map((networks): Refused => ['SIGNET_TRUST_PROXY', networks, 'setting_network_too_wide', { ipv4: 8, ipv6: 7 }]),
      ...['::/7', '::/8', '::/64', '::/80', '::ffff:0:0/81', '::ffff:0:0/95', '0:0:0:0:0:fffe::/95'].map(
        (networks): Refused => ['SIGNET_TRUST_PROXY', networks, 'setting_network_has_all_ipv4'],
      ),
      ...(
        [
          ['::ffff:0:0/96', '0.0.0.0/0'],
          ['::ffff:0.0.0.0/96', '0.0.0.0/0'],
          ['0:0:0:0:0:FFFF:0:0/96', '0.0.0.0/0'],
          ['::ffff:10.1.2.3/96', '0.0.0.0/0'],
          ['::ffff:128.0.0.0/97', '128.0.0.0/1'],
          ['::ffff:a00:0/104', '10.0.0.0/8'],
          ['::ffff:10.0.0.1/128', '10.0.0.1/32'],
          ['::ffff:10.0.0.1', '10.0.0.1'],
          ['::10.0.0.1', '10.0.0.1'],
        ] as const
      ).flatMap(([mapped, normal]): Refused[] => {
        const fault = ['setting_network_mapped', { normal }] as const;
        const proxies: Refused = ['SIGNET_TRUST_PROXY', `10.0.0.0/8,${mapped}`, ...fault];
        return mapped.includes('/') ? [proxies, ['SIGNET_FETCH_ALLOW', mapped, ...fault]] : [proxies];
      }),
      ['SIGNET_PASSWORD_MIN_LENGTH', '7', 'setting_not_whole_number', { from: 8 }],
      ['SIGNET_SIGNUP', 'maybe', 'setting_not_a_choice', { choices: ['open', 'closed'] }],
      ['SIGNET_SIGNUP', 'invite', 'setting_not_a_choice', { choices: ['open', 'closed'] }],
      ['SIGNET_ISSUER', 'http://id.example', 'setting_not_https'],
      ['SIGNET_ISSUER', 'https://id.example/', 'setting_not_normal', { normal: 'https://id.example' }],
      ['SIGNET_ISSUER', 'https://id.example?x=1', 'setting_not_normal', { normal: 'https://id.example' }],
      ['SIGNET_TRUSTED_ORIGINS', 'https://a.example/path', 'setting_not_origin', { normal: 'https://a.example' }],
      ...[
        ...[
          'http',
          'https',
          'ws',
          'wss',
          'ftp',
          'file',
          'javascript',
          'data',
          'vbscript',
          'blob',
          'about',
          'filesystem',
        ],
        ...['view-source', 'mailto', 'intent', 'JavaScript', 'Cursor', 'cursor:', 'cursor://x', '1a', 'a b', 'ä'],
      ].map((scheme): Refused => ['SIGNET_REDIRECT_SCHEMES', `vscode,${scheme}`, 'setting_not_scheme']),
    ];
    for (const [name, value, code, params] of refused)
      t.throws(
        () => readConfig('production', { [name]: value }),
        { code, params: { source: name, value, ...params } },
        `${name}=${value}`,
      );
    const config = readConfig('production', { SIGNET_MASTER_KEY: 'hunter2' });
    try {
      readMasterKey(config);
      t.fail('a short key was taken');
    } catch (error) {
      t.match(error, { code: 'master_key_invalid', params: { source: 'SIGNET_MASTER_KEY' } });
      t.notMatch(inspect(error, { depth: 10, showHidden: true }), /hunter2/);
    }
  },
);

t.test('docs/configuration.md: the issuer is its own normal form (WHATWG URL), or refused with it', async (t) => {
  for (const [typed, normal] of [
    ['https://id.example/', 'https://id.example'],
    ['https://id.example//', 'https://id.example'],
    ['https://id.example?', 'https://id.example'],
    ['https://id.example#', 'https://id.example'],
    ['https://id.example/auth?x=1#y', 'https://id.example/auth'],
    ['https://id.example/auth/', 'https://id.example/auth'],
    ['https://id.example/./auth', 'https://id.example/auth'],
    ['https://id.example/x/../auth', 'https://id.example/auth'],
    ['https://id.example/x/%2e%2E/auth', 'https://id.example/auth'],
    ['https:\\\\id.example\\auth', 'https://id.example/auth'],
    ['https:id.example', 'https://id.example'],
    ['HTTPS://id.example', 'https://id.example'],
    ['https://ID.example', 'https://id.example'],
    ['https://id.example.', 'https://id.example'],
    ['https://id.example:443', 'https://id.example'],
    ['https://id.example:08443', 'https://id.example:8443'],
    ['https://user@id.example', 'https://id.example'],
    ['https://@id.example', 'https://id.example'],
    ['https://b\u00fccher.example', 'https://xn--bcher-kva.example'],
    ['https://id%2eexample', 'https://id.example'],
    [' https://id.example', 'https://id.example'],
    ['https://id.example ', 'https://id.example'],
    ['http://127.1:4000', 'http://127.0.0.1:4000'],
    ['http://0x7f.1:4000', 'http://127.0.0.1:4000'],
    ['http://[0:0:0:0:0:0:0:1]:4000', 'http://[::1]:4000'],
    ['http://LOCALHOST:4000', 'http://localhost:4000'],
    ['http://localhost:80', 'http://localhost'],
    ['http://localhost?', 'http://localhost'],
  ] as const) {
    t.throws(
      () => readConfig('production', { SIGNET_ISSUER: typed }),
      { code: 'setting_not_normal', params: { source: 'SIGNET_ISSUER', value: typed, normal } },
      typed,
    );
    t.equal(readConfig('production', { SIGNET_ISSUER: normal }).issuer, normal);
  }
  for (const typed of [
    'https://id.example//auth',
    'https://id.example/a//b',
    'https://id.example/a b',
    'https://id.example/\u00e4',
    'https://id.example/a%20b',
    'https://id.example/a%2fb',
    'https://id.example/a;b',
    'https://id.example/a:b',
  ])
    t.throws(
      () => readConfig('production', { SIGNET_ISSUER: typed }),
      { code: 'setting_path_invalid', params: { source: 'SIGNET_ISSUER', value: typed } },
      typed,
    );
  for (const typed of ['http://h?', 'http://localhost.', 'ftp://localhost', 'id.example', 'https://', 'https:// '])
    t.throws(
      () => readConfig('production', { SIGNET_ISSUER: typed }),
      { code: /^setting_not_(https|normal)$/, params: { source: 'SIGNET_ISSUER', value: typed } },
      typed,
    );
  fc.assert(
    fc.property(fc.webUrl({ withFragments: true, withQueryParameters: true }), (typed) => {
      try {
        const { issuer } = readConfig('production', { SIGNET_ISSUER: typed });
        return issuer === typed && new URL(typed).href.replace(/\/$/, '') === typed;
      } catch (error) {
        return error instanceof DomainError && error.code.startsWith('setting_');
      }
    }),
  );
});

t.test(
  'docs/configuration.md: no setting takes a control character, nor blanks around it; a password keeps its blanks',
  async (t) => {
    const values: Record<string, string> = {
      SIGNET_ISSUER: 'https://id.example',
      SIGNET_TRUSTED_ORIGINS: 'https://app.example',
      SIGNET_TRUST_PROXY: '10.0.0.1',
      SIGNET_FETCH_ALLOW: 'rp.internal:8443',
      SIGNET_MASTER_KEY: 'a'.repeat(64),
    };
    for (const one of Object.values(settings)) {
      const value = values[one.env] ?? String(one.fallback('development') ?? '1');
      for (const typed of [
        `${value}\r`,
        `\t${value}`,
        `${value}\n`,
        `${value}\0`,
        `${value}\u0085`,
        `\u001b[1m${value}`,
      ])
        t.throws(
          () => readConfig('production', { [one.env]: typed }),
          { code: 'setting_control_character', params: { character: /^U\+00/ } },
          `${one.env}=${JSON.stringify(typed)}`,
        );
    }
    for (const name of [
      'SIGNET_HOST',
      'SIGNET_DATA_DIR',
      'SIGNET_METRICS_HOST',
      'SIGNET_SUPERUSER_EMAIL',
      'DATABASE_URL',
    ])
      for (const typed of [' x', 'x ', '\u00a0x', 'x\u2028', '\ufeffx'])
        t.throws(() => readConfig('production', { [name]: typed }), { code: 'setting_padded' }, `${name} ${typed}`);
    for (const typed of [' 80', '80 ', '+80', '080', '0x50', '8e1', '80.0', '80.5', 'NaN', '-0', '\uff18\uff10'])
      t.throws(() => readConfig('production', { SIGNET_PORT: typed }), { code: 'setting_not_whole_number' }, typed);
    t.equal(readConfig('production', { SIGNET_SUPERUSER_PASSWORD: ' a b ' }).superuserPassword, ' a b ');
    t.throws(() => readConfig('production', { DATABASE_URL: 'postgres://u:hunter2@h/x\r' }), {
      code: 'setting_control_character',
      params: { source: 'DATABASE_URL', value: null, character: 'U+000D' },
    });
    for (const typed of [
      'HTTPS://app.example',
      'https://APP.example',
      'https://app.example:443',
      'https://app.example?',
    ])
      t.throws(
        () => readConfig('production', { SIGNET_TRUSTED_ORIGINS: typed }),
        { code: 'setting_not_origin', params: { normal: 'https://app.example' } },
        typed,
      );
  },
);

t.test('docs/configuration.md: a file holds one line of UTF-8; its end and a mark are no part of it', async (t) => {
  const file = join(folder, 'secret');
  const read = (content: string | Buffer) => {
    writeFileSync(file, content);
    return readConfig('production', { SIGNET_SUPERUSER_PASSWORD_FILE: file }).superuserPassword;
  };
  for (const [content, value] of [
    ['a b', 'a b'],
    ['a b\n', 'a b'],
    ['a b\r\n', 'a b'],
    [' a b \n', ' a b '],
    ['\ufeffa b\n', 'a b'],
    ['m\u00fcller\n', 'm\u00fcller'],
  ] as const)
    t.equal(read(content), value, JSON.stringify(content));
  for (const [content, code, params] of [
    ['a\n\n', 'text_has_lines', { content: 'value' }],
    ['a\nb', 'text_has_lines', { content: 'value' }],
    ['a\r', 'text_has_lines', { content: 'value' }],
    ['a\tb\n', 'setting_control_character', { character: 'U+0009' }],
    ['', 'setting_file_empty', {}],
    ['\n', 'setting_file_empty', {}],
    [Buffer.from('m\u00fcller', 'latin1'), 'text_not_utf8', { offset: 1, line: 1, encoding: null }],
    [Buffer.from('\ufeffabc', 'utf16le'), 'text_not_utf8', { encoding: 'UTF-16' }],
    ['x'.repeat(70_000), 'file_too_large', { maxKiB: 64 }],
  ] as const)
    t.throws(() => read(content), { code, params }, JSON.stringify(content).slice(0, 40));
  for (const [path, code, params] of [
    ['/dev/zero', 'file_too_large', { source: 'DATABASE_URL_FILE' }],
    [folder, 'setting_file_unreadable', { name: 'DATABASE_URL_FILE' }],
  ] as const)
    t.throws(() => readConfig('production', { DATABASE_URL_FILE: path }), { code, params }, path);
  const keys = join(folder, 'marked');
  mkdirSync(keys);
  writeFileSync(join(keys, 'master.key'), `\ufeff${'a'.repeat(64)}\r\n`);
  t.equal(readMasterKey(readConfig('production', { SIGNET_KEYS_DIR: keys }))?.toString('hex'), 'a'.repeat(64));
});

t.test('docs/configuration.md: secrets by _FILE; both at once is an error; the source is remembered', async (t) => {
  const file = join(folder, 'url');
  writeFileSync(file, 'postgres://db/x\n');
  const config = readConfig('production', { DATABASE_URL_FILE: file });
  t.same(
    [config.databaseUrl, config.sources.databaseUrl, config.sources.port],
    ['postgres://db/x', 'DATABASE_URL_FILE', 'default'],
  );
  t.throws(() => readConfig('production', { DATABASE_URL_FILE: file, DATABASE_URL: 'x' }), {
    code: 'setting_set_twice',
    params: { name: 'DATABASE_URL', fileName: 'DATABASE_URL_FILE' },
  });
  t.throws(() => readConfig('production', { DATABASE_URL_FILE: '/nowhere' }), {
    code: 'setting_file_unreadable',
    params: { name: 'DATABASE_URL_FILE' },
  });
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
  t.equal(casefoldName('\u212aELVIN'), casefoldName('kelvin'), 'the Kelvin sign');
  t.equal(casefoldName('ｆｕｌｌ'), 'full');
  t.equal(casefoldName('e\u0301'), casefoldName('É'));
  t.not(casefoldName('а'), casefoldName('a'), 'a Cyrillic letter is another letter');
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      (text) =>
        casefoldName(casefoldName(text)) === casefoldName(text) ||
        hasUnprintable(text) ||
        casefoldName(casefoldName(casefoldName(text))) === casefoldName(casefoldName(text)),
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
  const refused = Object.assign(new Error('insert into users_user values (hunter2)'), {
    code: '23505',
    constraint: 'c',
    detail: 'Key (x)=(hunter2)',
  });
  log.error({ err: refused });
  t.notMatch(written, /hunter2/);
  t.match(written, /the database refused a statement \(23505\)/);
  t.notMatch(JSON.stringify(safeError(refused)), /hunter2/);
});

t.test('attacks 55: SIGNET_TRUST_PROXY takes what proxies have: addresses, networks and names of ranges', async (t) => {
  const some = [
    '10.0.0.1',
    '10.0.0.0/8',
    '127.0.0.0/8',
    '203.0.113.7/32',
    '::1',
    'fc00::/7',
    'fd00::5/128',
    '2606:4700::/32',
  ];
  const all = [...some, 'fe80::1%eth0', '::/96', '64:ff9b::/96', 'loopback', 'linklocal', 'uniquelocal'];
  t.same(readConfig('production', { SIGNET_TRUST_PROXY: all.join(',') }).trustProxy, all);
  t.same(readConfig('production', { SIGNET_FETCH_ALLOW: '10.0.0.0/8,fd00::/8,::/0' }).fetchAllow.length, 3);
});
