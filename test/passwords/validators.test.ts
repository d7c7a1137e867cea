import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { MAX_CODE_POINTS } from '../../src/passwords/passwords.ts';
import {
  checkCommon,
  checkMinimumLength,
  checkNumeric,
  checkSimilarity,
  quickRatio,
  validatePassword,
} from '../../src/passwords/validators.ts';
import t from '../support/tap.ts';

interface Table {
  madeBy: string;
  minLength: number;
  users: Record<string, { username: string; first_name: string; last_name: string; email: string }>;
  rows: [password: string, user: string | null, codes: string[], similarTo: string | null][];
}

const table = JSON.parse(readFileSync(new URL('../fixtures/django-validators.json', import.meta.url), 'utf8')) as Table;

/** By Django's names for people. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  username: 'username',
  'first name': 'first_name',
  'last name': 'last_name',
  'email address': 'email',
};

function attributes(username: string | null) {
  const user = table.users[username ?? ''];
  if (user === undefined) return {};
  return { username: user.username, firstName: user.first_name, lastName: user.last_name, email: user.email };
}

async function codes(password: string, rules?: Parameters<typeof validatePassword>[1]): Promise<string[]> {
  return (await validatePassword(password, rules)).map((failure) => failure.code);
}

t.test(`similarity, length and digits decide as ${table.madeBy}`, async (t) => {
  t.ok(table.rows.length > 100);
  for (const [password, username, expected, similarTo] of table.rows) {
    const similar = checkSimilarity(password, attributes(username));
    const title = `${JSON.stringify(password)} of ${username}`;
    t.equal(similar?.params?.attribute ?? null, similarTo && ATTRIBUTES[similarTo], `${title}: similarity`);
    const short = checkMinimumLength(password, table.minLength) !== null;
    t.equal(short, expected.includes('password_too_short'), `${title}: length`);
    t.equal(checkNumeric(password) !== null, expected.includes('password_entirely_numeric'), `${title}: digits`);
  }
});

t.test("Django's common passwords of the table are on our longer list too, however cased and spaced", async (t) => {
  for (const password of ['password', 'PassWord', '  password ', 'letmein', 'qwertyuiop', 'trustno1', 'iloveyou']) {
    const row = table.rows.find(([of, user]) => of === password && user === null);
    t.ok(row?.[2].includes('password_too_common'), `${password}: Django`);
    t.equal((await checkCommon(password))?.code, 'password_too_common', password);
  }
  t.equal((await checkCommon('\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44'))?.code, 'password_too_common', 'NFKC');
  for (const password of ['', 'not on any list at all', 'correct horse']) t.equal(await checkCommon(password), null);
});

t.test('quick_ratio is what difflib answers', async (t) => {
  t.equal(quickRatio('', ''), 1);
  t.equal(quickRatio('abcd', 'bcde'), 0.75);
  t.equal(quickRatio('A', 'A'.repeat(10)), 2 / 11);
  t.equal(quickRatio('\u{1f511}', '\u{1f511}a'), 2 / 3, 'in code points');
});

t.test('all failures are reported, in the order and with the codes of Django', async (t) => {
  t.same(await codes('12345678', { user: { username: '12345678' } }), [
    'password_too_similar',
    'password_too_short',
    'password_too_common',
    'password_entirely_numeric',
  ]);
  t.same(await codes('a phrase of several words', { user: { username: 'ada' } }), []);
});

t.test('800-63B-4 §3.1.1.2: 15 code points by default, otherwise as asked for; any character will do', async (t) => {
  t.same(await validatePassword('\u{1f511}'.repeat(14)), [{ code: 'password_too_short', params: { min_length: 15 } }]);
  t.same(await codes('\u{1f511}'.repeat(15)), []);
  t.same(await codes('only   spaces  '), []);
  t.same(await codes('zq8-Kv4x', { minLength: 8 }), []);
  t.match(await validatePassword('', { minLength: 1 }), [{ code: 'password_too_short', params: { min_length: 1 } }]);
});

t.test('over 1,024 code points the one answer is too long, before any other check', async (t) => {
  t.same(await codes('1'.repeat(MAX_CODE_POINTS)), ['password_entirely_numeric']);
  t.same(await validatePassword('1'.repeat(MAX_CODE_POINTS + 1), { user: { username: '1' } }), [
    { code: 'password_too_long', params: { max_length: 1024 } },
  ]);
  t.same(await codes('\u{1f511}'.repeat(MAX_CODE_POINTS)), [], 'counted in code points');
});

t.test('what is hashed is NFKC, therefore full-width letters do not hide a name', async (t) => {
  const user = { username: 'ada.lovelace', email: null };
  const fullWidth = 'adalovelace1815'.replace(/[a-z]/g, (c) => String.fromCodePoint(c.charCodeAt(0) + 0xfee0));
  t.equal(checkSimilarity(fullWidth, user), null, "Django's validator alone does not see it");
  t.match(await validatePassword(fullWidth, { user }), [
    { code: 'password_too_similar', params: { attribute: 'username' } },
  ]);
});

t.test('absent and empty attributes are passed over', async (t) => {
  t.equal(checkSimilarity('anything', {}), null);
  t.equal(checkSimilarity('', { username: '', firstName: null, lastName: undefined }), null);
});

t.test(
  "Django's CommonPasswordValidator: every password of its own list is refused, and no two of them in a row",
  async (t) => {
    const packed = await readFile(
      new URL('../../src/passwords/common-passwords/django-common-passwords.txt.gz', import.meta.url),
    );
    const list = gunzipSync(packed)
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '');
    t.ok(list.length > 19_000);
    const passed: string[] = [];
    for (const password of list)
      if ((await checkCommon(password.toUpperCase())) === null && (await checkCommon(password)) === null)
        passed.push(password);
    t.same(passed, []);
    const row = list.slice(10, 12);
    for (const other of [row.join('\n'), `\n${row[0]}\n${row[1]}`, 'wholly-uncommon-4711', ''])
      t.equal(await checkCommon(other), null);
  },
);
