import t from 'tap';
import { openTestEmbedded } from '../support/database.ts';
import { openDesk } from './desk.ts';

t.test('contract §8: keys rewrap says before and after that refresh tokens end with the old master key', async (t) => {
  const db = await openTestEmbedded();
  t.teardown(() => db.close());
  const desk = await openDesk(db);
  const told = await desk.run('keys rewrap f', { file: Buffer.alloc(32, 5).toString('hex') });
  t.match(desk.progress, [/Refresh tokens .* refused/]);
  t.match(told, { exit: 0, stdout: /Refresh tokens .* refused .* log in again/ });
  t.notMatch(told.stdout, /nothing else/);
});
