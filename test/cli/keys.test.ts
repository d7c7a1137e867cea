import { openTestEmbedded } from '../support/database.ts';
import t from '../support/tap.ts';
import { openCliHarness } from './harness.ts';

t.test(
  'docs/commands.md: keys rewrap says once that refresh tokens end with the old master key, and names the key that is in use',
  async (t) => {
    const db = await openTestEmbedded();
    t.teardown(() => db.close());
    const cliHarness = await openCliHarness(db);
    const told = await cliHarness.run('keys rewrap f', { file: Buffer.alloc(32, 5).toString('hex') });
    t.match(told, { exit: 0, stdout: /Refresh tokens .* refuse them, and users sign in again/ });
    t.equal(told.stdout.match(/Refresh tokens/g)?.length, 1);
    t.match(told.stdout, /replace the old master key \(SIGNET_MASTER_KEY\)/, 'not a file that is not there');
  },
);
