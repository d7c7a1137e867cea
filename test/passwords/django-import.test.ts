import { readFileSync } from 'node:fs';
import { isUsable, needsUpgrade, readPassword, verifyPassword } from '../../src/passwords/passwords.ts';
import t from '../support/tap.ts';

interface DumpRow {
  model: string;
  fields: { username?: string; password?: string };
}
interface OracleUser {
  username: string;
  password: string | null;
  algorithm: string;
}

function fixture(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../fixtures/django-3.2/${name}`, import.meta.url), 'utf8'));
}

const stored = new Map(
  (fixture('dump.json') as DumpRow[])
    .filter((row) => row.model === 'auth.user')
    .map((row) => [row.fields.username, row.fields.password ?? '']),
);
const users = (fixture('oracle.json') as { users: OracleUser[] }).users;

t.test('Django 3.2 dump: every user verifies with the old password and with no other', async (t) => {
  t.equal(users.length, 60);
  const wrong: string[] = [];
  await Promise.all(
    users.map(async ({ username, password, algorithm }) => {
      const encoded = stored.get(username) ?? '';
      const parsed = readPassword(encoded);
      if (parsed === null || parsed.algorithm !== algorithm || parsed.overBounds !== null) return wrong.push(username);
      if (isUsable(encoded) !== (password !== null)) wrong.push(`${username}: usable`);
      if (password !== null && !(await verifyPassword(password, parsed))) wrong.push(`${username}: right`);
      if (await verifyPassword(`${password ?? ''}x`, parsed)) wrong.push(`${username}: wrong`);
    }),
  );
  t.same(wrong, []);
});

t.test('Django 3.2 dump: an unusable password verifies nothing, not even its own text', async (t) => {
  const unusable = users.filter((user) => user.algorithm === 'unusable');
  t.ok(unusable.length > 0);
  for (const { username } of unusable) {
    const encoded = stored.get(username) ?? '';
    const parsed = readPassword(encoded);
    if (parsed === null) return t.fail(username);
    for (const attempt of ['', '!', encoded, encoded.slice(1)]) t.notOk(await verifyPassword(attempt, parsed));
  }
});

t.test('Django 3.2 dump: its argon2id (m=102400, t=2) is kept, everything else is upgraded at login', async (t) => {
  for (const { username, algorithm } of users) {
    const parsed = readPassword(stored.get(username) ?? '');
    if (parsed === null) return t.fail(username);
    t.equal(needsUpgrade(parsed), algorithm !== 'argon2' && algorithm !== 'unusable', `${username}: ${algorithm}`);
  }
});
