import { startListening } from '../support/listening.ts';
import t from '../support/tap.ts';
import { forgeries } from './forgeries.ts';

const signet = await startListening(t);
const all = await forgeries(signet);

await t.test('RFC 9068 §4: POST /api/v1/has_perm answers for the token of a login', async (t) => {
  const response = await signet.hasPerm((await signet.logIn('alice')).token, [
    'polls.add_choice',
    'polls.add_question',
  ]);
  t.equal(response.status, 200);
  t.match(await response.json(), { results: { 'polls.add_choice': true, 'polls.add_question': false } });
});

for (const { rule, token, isGenuine } of all)
  if (isGenuine)
    await t.test(`${rule} is answered for that audience: nothing of polls is granted by it`, async (t) => {
      const response = await signet.hasPerm(token, ['polls.add_choice']);
      t.equal(response.status, 200);
      t.match(await response.json(), { results: { 'polls.add_choice': false } });
    });
  else
    await t.test(`${rule} is refused by POST /api/v1/has_perm`, async (t) => {
      const response = await signet.hasPerm(token, ['polls.add_choice']);
      t.equal(response.status, 401);
      t.match(response.headers.get('www-authenticate'), /^Bearer\b/, 'RFC 6750 §3');
      t.match(await response.json(), { code: 'invalid_token' });
    });

await t.test('RFC 9068 §4: has_perm answers alike for an API whose typ is JWT', async (t) => {
  await signet.update('polls', { typ: 'JWT' });
  const response = await signet.hasPerm((await signet.logIn('alice')).token, ['polls.add_choice']);
  t.match(await response.json(), { results: { 'polls.add_choice': true } });
});
