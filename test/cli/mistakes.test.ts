import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Result } from '../../src/cli/execute.ts';
import { runCommand } from '../../src/cli/run.ts';
import { EXIT } from '../../src/platform/errors.ts';
import { openTestEmbedded } from '../support/database.ts';
import { freePort } from '../support/process.ts';
import { djangoDump, masterKey } from '../support/server.ts';
import t, { type Test } from '../support/tap.ts';
import { type CliInput, GOOD_PASSWORD, openCliHarness, split } from './harness.ts';

// docs/decisions/0022: whatever a person gets wrong, the answer names the cause and what to do.

const { failed, usage, notFound, conflict, noConnection } = EXIT;

/** What was typed, the exit code, what the answer says of the cause, and what of the remedy. */
type Mistake<Given> = readonly [words: string, exit: number, cause: RegExp, remedy: RegExp, given?: Given];

function check(t: Test, { exit, stdout, stderr }: Result, [words, expected, cause, remedy]: Mistake<unknown>): void {
  t.same([exit, stdout], [expected, ''], `${words}: ${stderr}`);
  t.match(stderr, /^signet: [^\n]/, words);
  t.match(stderr, cause, `${words}: the cause`);
  t.match(stderr, remedy, `${words}: the remedy`);
  t.notMatch(stderr, /undefined|null|NaN|\[object|no message for this code/, `${words}: nothing is left open`);
}

const folder = mkdtempSync(join(tmpdir(), 'mistakes-'));
const inFolder = (name: string) => join(folder, name);
const write = (name: string, content: string) => {
  writeFileSync(inFolder(name), content);
  return inFolder(name);
};

t.test('docs/decisions/0022: mistakes with files, settings, addresses and the database', async (t) => {
  const place = { SIGNET_DATA_DIR: inFolder('data'), SIGNET_KEYS_DIR: inFolder('keys') };
  const noPostgresql = `postgres://signet:secret@127.0.0.1:${await freePort()}/signet`;
  const production = { SIGNET_ISSUER: 'https://id.example', DATABASE_URL: noPostgresql };
  const shortKey = { SIGNET_MASTER_KEY_FILE: write('short.key', 'abc') };
  mkdirSync(inFolder('sources'));
  const mistakes: Mistake<Record<string, string>>[] = [
    ['user list', notFound, /There is no database in \S+ yet/, /npx signet migrate/],
    [
      'user list',
      noConnection,
      /PostgreSQL does not answer.*ECONNREFUSED/,
      /Start PostgreSQL, or correct/,
      { DATABASE_URL: noPostgresql },
    ],
    [
      'user list',
      usage,
      /DATABASE_URL must be a URL/,
      /postgres:\/\/user:password@host/,
      { DATABASE_URL: 'mysql://db/signet' },
    ],
    [
      'user list',
      usage,
      /DATABASE_URL has a % that escapes nothing/,
      /%25/,
      { DATABASE_URL: 'postgres://u:50%ff@db/x' },
    ],
    [
      'user list',
      usage,
      /both set/,
      /Keep one/,
      { DATABASE_URL: noPostgresql, DATABASE_URL_FILE: write('url', noPostgresql) },
    ],
    [
      'user list',
      usage,
      /file of DATABASE_URL_FILE cannot be read: ENOENT/,
      /Correct the path/,
      { DATABASE_URL_FILE: inFolder('nowhere') },
    ],
    [
      'user list',
      usage,
      /file of DATABASE_URL_FILE is empty/,
      /Write the value into it/,
      { DATABASE_URL_FILE: write('empty', '') },
    ],
    [
      'user list',
      usage,
      /DATABASE_URL_FILE has more than one line/,
      /must have only the value/,
      { DATABASE_URL_FILE: write('lines', 'a\nb') },
    ],
    [
      'migrate',
      failed,
      /data folder \S+ cannot be written \(ENOTDIR\)/,
      /Set SIGNET_DATA_DIR/,
      { SIGNET_DATA_DIR: join(write('file', ''), 'data') },
    ],
    ['user list', usage, /There is no setting SIGNET_PRT/, /Did you mean SIGNET_PORT\?/, { SIGNET_PRT: '1' }],
    ['user list', usage, /There is no setting SIGNET_ZZZZZZZZZZ/, /npx signet config/, { SIGNET_ZZZZZZZZZZ: '1' }],
    [
      'user list',
      usage,
      /\(it is "many"\)/,
      /SIGNET_PORT must be a whole number from 1 to 65535/,
      { SIGNET_PORT: 'many' },
    ],
    [
      'user list',
      usage,
      /\(it is "http:\/\/id\.example"\)/,
      /SIGNET_ISSUER must be an https URL/,
      { SIGNET_ISSUER: 'http://id.example' },
    ],
    [
      'user list',
      usage,
      /\(it is "https:\/\/id\.example\/"\)/,
      /slash at the end: https:\/\/id\.example /,
      { SIGNET_ISSUER: 'https://id.example/' },
    ],
    [
      'user list',
      usage,
      /\(it is "0\.0\.0\.0\/0"\)/,
      /SIGNET_TRUST_PROXY must be networks of proxies only/,
      { SIGNET_TRUST_PROXY: '0.0.0.0/0' },
    ],
    ['user list', usage, /\(it is "maybe"\)/, /must be one of: open, closed/, { SIGNET_SIGNUP: 'maybe' }],
    ['start', usage, /SIGNET_ISSUER is not set/, /public https URL/],
    ['start', usage, /DATABASE_URL is not set/, /add --embedded/, { SIGNET_ISSUER: 'https://id.example' }],
    ['start', usage, /There is no master key/, /Set SIGNET_MASTER_KEY_FILE/, production],
    ['start', usage, /must have 32 bytes/, /openssl rand -hex 32/, { ...production, ...shortKey }],
    ['start --workers 0', usage, /--workers/, /1 to 128/, production],
    ['start --workers two', usage, /not "two"/, /--workers takes a whole number/, production],
    ['start --embedded', usage, /cannot be used together/, /Remove one/, production],
    [
      'start --embedded --workers 2',
      usage,
      /serves one process/,
      /Set DATABASE_URL, or remove --workers/,
      { SIGNET_ISSUER: 'https://id.example' },
    ],
    ['dev', usage, /this machine only, not on 0\.0\.0\.0/, /Unset SIGNET_HOST/, { SIGNET_HOST: '0.0.0.0' }],
    ['dev', usage, /NODE_ENV is production/, /npx signet start/, { NODE_ENV: 'production' }],
    [
      'dev',
      usage,
      /serves metrics to this machine only/,
      /Unset SIGNET_METRICS_HOST/,
      { SIGNET_METRICS_HOST: '0.0.0.0' },
    ],
    ['dev --https', usage, /SIGNET_ISSUER is http:/, /Unset SIGNET_ISSUER/, { SIGNET_ISSUER: 'http://localhost:4000' }],
    ['dev --port many', usage, /\(it is "many"\)/, /must be a whole number/],
    [
      'health',
      noConnection,
      /There is no answer at http:\S+ \(ECONNREFUSED\)/,
      /Start the server, or set SIGNET_HOST/,
      { SIGNET_HOST: '127.0.0.1', SIGNET_PORT: String(await freePort()) },
    ],
    [`api sync ${inFolder('nowhere.yaml')}`, notFound, /cannot be read \(ENOENT\)/, /Check the path/],
    [`api sync ${folder}`, failed, /cannot be read \(EISDIR\)/, /Name a file, not a folder/],
    [`api check polls ${inFolder('nowhere')}`, notFound, /cannot be read \(ENOENT\)/, /Check the path/],
    [
      `client create x --preset service --jwks ${inFolder('nowhere.json')}`,
      notFound,
      /cannot be read \(ENOENT\)/,
      /Check the path/,
    ],
    [
      'token inspect abc',
      usage,
      /stays in the shell's history/,
      /Pipe it: echo "\$TOKEN" \| npx signet token inspect -/,
    ],
    ['usr list', usage, /There is no command "usr list"/, /Did you mean "user list"\?/],
    ['frobnicate', usage, /There is no command "frobnicate"/, /npx signet --help/],
    ['user', usage, /There are: signet user/, /signet user create/],
    ['user list --afetr x', usage, /--afetr/, /Did you mean --after\?/],
  ];
  for (const mistake of mistakes) {
    const [words, , , , environment = {}] = mistake;
    const result = await runCommand(
      split(words),
      { ...place, ...environment },
      () => {},
      () => {},
    );
    check(t, result, mistake);
  }
});

t.test(
  'docs/decisions/0022: mistakes with users, groups, APIs, clients, permissions, tokens, keys and imports',
  async (t) => {
    const db = await openTestEmbedded();
    t.teardown(() => db.close());
    const cli = await openCliHarness(db);
    const run = async (words: string, given?: CliInput) => {
      const result = await cli.run(words, given);
      if (result.exit !== EXIT.done) throw new Error(`${words}: ${result.stderr}`);
      return result.stdout;
    };
    const polls = 'audience: polls\napps: {polls: {models: [question]}}';
    const redirect = '--redirect-uri https://app.example/cb';
    await run('user create alice --email alice@example.test --password-stdin', { stdin: GOOD_PASSWORD });
    await run('user create idle');
    await run('user deactivate idle');
    await run('createsuperuser --username root --password-stdin', { stdin: GOOD_PASSWORD });
    await run('group create Editors');
    await run('api sync f', { file: polls });
    await run(`client create Web --preset web ${redirect} --api polls`);
    await run(`client create Own --preset web ${redirect} --first-party`);
    await run(`client create Spa --preset spa ${redirect}`);
    await run('client create Off --preset service');
    await run('client disable Off');
    const expired = await run('token issue --user alice --api polls');
    const { user } = JSON.parse(await run('user show alice --json'));
    const kid = (await cli.json('keys list')).keys[0].kid as string;
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const privateJwk = JSON.stringify({ keys: [privateKey.export({ format: 'jwk' })] });
    const unknownId = '00000000-0000-4000-8000-000000000000';

    const mistakes: Mistake<CliInput>[] = [
      // Users.
      ['user create Alice', conflict, /already exists/, /username/],
      ['user create a@b.test', usage, /can contain only letters, digits/, /letters, digits and \. \+ - _/],
      ['user create signet', usage, /cannot look like an id/, /cannot/],
      ['user create bob --email nowhere', usage, /not an e-mail address/, /such as name@example\.org/],
      ['user create bob --email-verified on', usage, /no e-mail address to verify/, /Add one first/],
      ['user create bob --password-stdin', usage, /too short/, /at least \d+ characters/, { stdin: 'short' }],
      [
        'user create bob --password-stdin',
        usage,
        /Standard input is empty/,
        /Pass the password there/,
        { stdin: '\n' },
      ],
      ['user create bob --password-stdin', usage, /more than one line/, /only the password/, { stdin: 'a\nb\n' }],
      ['user show alcie', notFound, /There is no user "alcie"/, /Did you mean "alice"\?/],
      ['user show zzzzzzzzz', notFound, /There is no user "zzzzzzzzz"/, /npx signet user list/],
      [`user show ${user.id}`, notFound, /is an id, not a username/, /--user-id/],
      ['user show --user-id alice', usage, /not "alice"/, /--user-id takes the id of a user \(a UUID\)/],
      [`user show --user-id ${unknownId}`, notFound, /There is no user with the id/, /npx signet user list --json/],
      ['user update alice --staff yes', usage, /not "yes"/, /--staff takes on or off/],
      ['user list --limit 0', usage, /--limit/, /1 to 1000/],
      ['user delete alice', usage, /no terminal to confirm/, /Add --yes/],
      ['user rename alice ROOT', conflict, /already exists/, /username/],
      ['changepassword alice', usage, /no terminal/, /--password-stdin/],
      ['createsuperuser', usage, /no terminal/, /Use --username with --password-stdin/],
      ['createsuperuser --noinput', usage, /--noinput needs/, /SIGNET_SUPERUSER_USERNAME/],
      ['setup-link', conflict, /There is already a superuser/, /npx signet createsuperuser/],
      // Groups.
      ['group create EDITORS', conflict, /There is already a group "Editors"/, /Choose another name/],
      ["group create ' '", usage, /name of the group is empty/, /Enter a name/],
      [`group create ${'x'.repeat(151)}`, usage, /at most 150 characters/, /Choose a shorter name/],
      ['group show Editor', notFound, /There is no group "Editor"/, /Did you mean "Editors"\?/],
      ['group add Editors nobody', notFound, /There is no user "nobody"/, /npx signet user list/],
      // APIs.
      ['api create polls', conflict, /There is already an API "polls"/, /npx signet api update polls/],
      ['api create signet', conflict, /Signet's own API/, /Choose another audience/],
      ['api create c_shop', usage, /cannot start with "c_"/, /Choose another audience/],
      ["api create 'two words'", usage, /is not a valid audience/, /Use a short name/],
      ['api create shop --ttl 30', usage, /--ttl/, /60 to 900 seconds/],
      ['api create shop --ttl soon', usage, /not "soon"/, /--ttl takes a whole number/],
      ['api create shop --typ jwt', usage, /not "jwt"/, /--typ takes at\+jwt or JWT/],
      ['api show poll', notFound, /There is no API "poll"/, /Did you mean "polls"\?/],
      ['api delete signet --yes', conflict, /cannot be deleted/, /npx signet api list/],
      ['api sync f', usage, /neither YAML nor JSON.*line/, /Correct the file/, { file: '{' }],
      ['api sync f', usage, /audience is missing/, /the file: audience/, { file: 'apps: {}' }],
      [
        'api sync f',
        usage,
        /unknown field model/,
        /its fields are models, permissions/,
        { file: 'audience: polls\napps: {polls: {model: [x]}}' },
      ],
      ['api sync f', conflict, /Signet's own API/, /another audience/, { file: 'audience: signet\napps: {}' }],
      // Clients.
      ['client create X --preset magic', usage, /not "magic"/, /--preset takes web or spa/],
      ['client create X --preset web', usage, /needs a redirect URI/, /Add --redirect-uri/],
      [
        'client create X --preset web --redirect-uri http://a.example',
        usage,
        /is not a valid URI/,
        /Use an absolute https URL/,
      ],
      [`client create WEB --preset web ${redirect}`, conflict, /There is already a client/, /Choose another name/],
      ['client show Wbe', notFound, /There is no client "Wbe"/, /Did you mean "Web"\?/],
      ['client create X --preset service --api nowhere', notFound, /There is no API "nowhere"/, /npx signet api list/],
      ['client create X --preset service --api polls --api polls', usage, /names polls twice/, /Name each API once/],
      ['client create X --preset service --grant password', usage, /not "password"/, /--grant takes code/],
      [
        'client create X --preset service --auth none',
        usage,
        /only for confidential clients/,
        /Add --auth client_secret/,
      ],
      [
        `client create X --preset spa ${redirect} --pkce off`,
        usage,
        /--pkce off is only for confidential clients/,
        /Use --pkce on/,
      ],
      ['client update Spa --refresh-rotation off', usage, /bound to its key/, /Add --dpop on/],
      ['client update Web --consent skip', usage, /Only a first-party client/, /Add --first-party/],
      [
        'client update Web --logo-uri javascript:1',
        usage,
        /not "javascript:1"/,
        /--logo-uri takes an absolute https URL/,
      ],
      ['client update Web --refresh-idle 5', usage, /not 5/, /--refresh-idle takes 60 to/],
      [
        'client update Web --auth private_key_jwt',
        usage,
        /needs the client's public keys/,
        /Add --jwks FILE or --jwks-uri URL/,
      ],
      ['client update Web --jwks f', usage, /is not JSON/, /--jwks takes a JWK Set/, { file: 'no json' }],
      ['client update Web --jwks f', usage, /private or symmetric key/, /Use public keys only/, { file: privateJwk }],
      [
        'client rotate-secret Spa',
        conflict,
        /is public, so it has no secret/,
        /npx signet client update Spa --auth client_secret/,
      ],
      ['client allow Web --api polls polls.fly', notFound, /has no permission polls\.fly/, /npx signet api show polls/],
      ['client registration-token --uses 0', usage, /not 0/, /--uses takes 1 to/],
      [
        'client registration-token --revoke nothing',
        notFound,
        /There is no registration token "nothing"/,
        /registration-token --list/,
      ],
      // Permissions.
      [
        'perm grant --api polls polls.add_question',
        usage,
        /Name a user, a group or a client/,
        /Usage: npx signet perm grant/,
      ],
      ['perm grant --user alice polls.add_question', usage, /--api is missing/, /Usage: npx signet perm grant/],
      [
        'perm grant --user alice --api polls polls.fly',
        notFound,
        /has no permission polls\.fly/,
        /npx signet api show polls/,
      ],
      ['perm list --user alice --user-id x', usage, /both name a user/, /Use one of them/],
      // Tokens, grants and sessions.
      ['token issue --user idle --api polls', conflict, /idle is inactive/, /npx signet user activate idle/],
      ['token issue --client Off --api polls', conflict, /Off is disabled/, /npx signet client enable/],
      [
        'token issue --user alice --client Web --api polls --refresh',
        conflict,
        /not first-party/,
        /client update \S+ --first-party on/,
      ],
      [
        'token issue --user alice --client Own --api polls --refresh',
        conflict,
        /may not request tokens for polls/,
        /client update \S+ --api polls/,
      ],
      ['token verify abc', usage, /stays in the shell's history/, /npx signet token verify -/],
      ['token verify -', usage, /Standard input is empty/, /Pipe the token/, { stdin: '\n' }],
      ['token verify -', failed, /not a JWT, because it has 1 part/, /Copy the whole token/, { stdin: 'hello' }],
      [
        'token verify -',
        failed,
        /signature is wrong/,
        /Get a new token/,
        { stdin: `${expired.trim().slice(0, -4)}AAAA` },
      ],
      [`grant end ${unknownId}`, notFound, /There is no grant/, /npx signet grant list/],
      [`session end ${unknownId}`, notFound, /There is no session/, /npx signet session list/],
      // Keys.
      ['keys revoke nothing --yes', notFound, /There is no key nothing/, /npx signet keys list/],
      [`keys revoke ${kid}`, usage, /cannot be undone/, /Add --yes/],
      [
        'keys rotate --alg ES256',
        conflict,
        /No API and no client uses ES256/,
        /npx signet api update AUDIENCE --alg ES256/,
      ],
      ['keys rewrap f', usage, /must have 32 bytes/, /openssl rand -hex 32/, { file: 'short' }],
      [
        'keys rewrap f',
        usage,
        /seals the signing keys already/,
        /Give another one/,
        { file: masterKey.toString('hex') },
      ],
      // Imports.
      ['import django f --api site', usage, /is not JSON: it begins with/, /manage\.py dumpdata/, { file: 'not JSON' }],
      ['import django f --api site', usage, /is empty/, /manage\.py dumpdata/, { file: '' }],
      ['import django f --api signet', usage, /Signet's own API/, /Name another API/, { file: djangoDump() }],
      [
        'import django f --api site --missing deactivate',
        usage,
        /needs --existing update/,
        /Add that option/,
        { file: djangoDump() },
      ],
      [
        'import django f --api site --user-model user',
        usage,
        /"user" is not the label/,
        /APP\.MODEL/,
        { file: djangoDump() },
      ],
      [
        'import django f --api site --user-model club.member',
        usage,
        /has no records of club\.member/,
        /--user-model auth\.user/,
        { file: djangoDump() },
      ],
      ['sample', notFound, /There is no sample/, /npm start/],
    ];
    for (const mistake of mistakes) {
      const [words, , , , given] = mistake;
      check(t, await cli.run(words, given), mistake);
    }
  },
);
