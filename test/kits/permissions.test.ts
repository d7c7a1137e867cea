import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { readBitmap, readCatalogue } from '../../kits/node/src/catalogue.ts';
import type { TokenClaims } from '../../kits/node/src/claims.ts';
import { bitmapPermissions, listPermissions, User } from '../../kits/node/src/user.ts';
import t from '../support/tap.ts';
import { testCatalogue } from './issuer.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const claims: TokenClaims = {
  ...{ sub: 'u', clientId: 'signet', jti: 'j', exp: 1, sid: null, username: 'alice', sourceId: null, authTime: null },
  ...{ acr: null, amr: [], scope: [], isStaff: false, isSuperuser: false, permissions: [], status: null, jkt: null },
};

/** The same user, by a list and by a bitmap. */
function both(names: readonly string[], held: readonly number[]): [User, User] {
  const document = testCatalogue(names, 1);
  const catalogue = readCatalogue(Buffer.from(JSON.stringify(document)), 'polls');
  const bits = new Uint8Array(Math.ceil(names.length / 8));
  for (const index of held) bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7));
  const hash = Buffer.from(document.hash, 'base64url').subarray(0, 8).toString('base64url');
  const read = readBitmap({ version: 1, hash, bits }, catalogue);
  if (!read) throw new Error('the bitmap is of another catalogue');
  const list = held.map((index) => names[index] as string);
  return [new User(claims, listPermissions(list), false), new User(claims, bitmapPermissions(read), false)];
}

const label = fc.stringMatching(/^[a-zé_]{1,6}$/);
const user = fc
  .uniqueArray(
    fc.tuple(label, label).map(([app, codename]) => `${app}.${codename}`),
    { maxLength: 40 },
  )
  .chain((names) => fc.tuple(fc.constant(names), fc.subarray(names.map((_, index) => index))));

await t.test('Django has_perm: any text is a question: no unless it is held, yes for a superuser', async (t) => {
  const held = ['polls.add_choice', 'polls.view_choice'];
  const some = both(['polls.add_choice', 'polls.delete_choice', 'polls.view_choice'], [0, 2]);
  const root = new User({ ...claims, isSuperuser: true }, listPermissions([]), false);
  const odd = [
    '',
    '.',
    'polls',
    'polls.',
    '.add_choice',
    'polls.add_choice.',
    'a.b.c',
    '__proto__',
    'constructor',
    'a\nb',
    '\0',
  ];
  fc.assert(
    fc.property(fc.oneof(fc.constantFrom(...odd, ...held), fc.string({ unit: 'binary', maxLength: 300 })), (text) => {
      const isRight = some.every(
        (one) => one.hasPerm(text) === held.includes(text) && one.hasModulePerms(text) === (text === 'polls'),
      );
      return isRight && root.hasPerm(text) && root.hasModulePerms(text) && root.hasPerms([text, text]);
    }),
    { numRuns: 2000, seed: 11 },
  );
  t.pass('2,000 texts');
});

await t.test('J4: list and bitmap decide alike for every permission and module of 10,000 users', async (t) => {
  fc.assert(
    fc.property(user, label, ([names, held], other) => {
      const [byList, byBitmap] = both(names, held);
      const apps = names.map((name) => name.slice(0, name.indexOf('.')));
      for (const name of [...names, other, `${other}.x`, '', '__proto__'])
        if (byList.hasPerm(name) !== byBitmap.hasPerm(name)) return false;
      for (const app of [...apps, other, '', 'a.b'])
        if (byList.hasModulePerms(app) !== byBitmap.hasModulePerms(app)) return false;
      const all = held.map((index) => names[index] as string);
      return (
        byList.hasPerms(all) &&
        byBitmap.hasPerms(all) &&
        names.every((name, index) => byBitmap.hasPerm(name) === held.includes(index)) &&
        JSON.stringify(byList.getAllPermissions()) === JSON.stringify(byBitmap.getAllPermissions()) &&
        JSON.stringify(byList.getAllPermissions()) === JSON.stringify(all.toSorted())
      );
    }),
    { numRuns: 10_000 },
  );
  t.pass('10,000 users');
});

await t.test('Django: all of none is true, a module is a whole label, names are compared byte for byte', async (t) => {
  for (const user of both(['polls.add_choice', 'poll.x', 'survey.añadir'], [0, 2])) {
    t.equal(user.hasPerms([]), true);
    t.equal(user.hasPerms(['polls.add_choice', 'poll.x']), false);
    t.equal(user.hasModulePerms('polls'), true);
    t.equal(user.hasModulePerms('poll'), false, 'nothing is held in it');
    t.equal(user.hasModulePerms('polls.add'), false);
    t.equal(user.hasPerm('survey.añadir'), true);
    t.equal(user.hasPerm('survey.an\u0303adir'), false, 'another spelling of the same letter');
  }
});

await t.test('hasPerm allocates nothing: the heap is the same after ten million calls', async (t) => {
  const names = Array.from({ length: 1000 }, (_, index) => `polls.do_${index}`);
  const questions = [...names, ...names.map((name) => `${name}_else`)];
  for (const [form, user] of Object.entries({ list: 0, bitmap: 1 }).map(
    ([form, at]) => [form, both(names, [1, 500, 999])[at] as User] as const,
  )) {
    let trues = 0;
    const ask = (times: number) => {
      for (let i = 0; i < times; i++) if (user.hasPerm(questions[i % questions.length] as string)) trues++;
    };
    ask(200_000);
    collect();
    const before = process.memoryUsage().heapUsed;
    ask(10_000_000);
    const grown = process.memoryUsage().heapUsed - before;
    t.equal(trues, 10_200_000 * (3 / 2000), `${form}: answered`);
    // One object of the smallest kind a call would be 160 MB; 64 KiB is what the runtime itself may take meanwhile.
    t.ok(grown < 64 * 1024, `${form}: ${grown} bytes`);
  }
});
