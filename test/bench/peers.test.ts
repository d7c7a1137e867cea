import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { absenceOf, folderOf, optionalNames, stampOf } from '../../bench/peers/installed.ts';
import { optionalPeers } from '../../bench/peers/optional.ts';
import { madeOf } from '../../bench/peers/recipes.ts';
import t from '../support/tap.ts';

// bench/README.md, "Optional peers".

t.test('bench/README.md: an optional peer that is absent is named with its reason', async (t) => {
  const before = process.env['BENCH_PEERS_DIR'];
  t.teardown(() => {
    if (before === undefined) delete process.env['BENCH_PEERS_DIR'];
    else process.env['BENCH_PEERS_DIR'] = before;
  });
  const folder = t.testdir();
  process.env['BENCH_PEERS_DIR'] = folder;
  t.equal(folderOf('django'), join(folder, 'django'));
  for (const peer of optionalPeers) t.match(peer.absence(), /^it is not installed \(npm run bench:peers -- \w+\)$/);
  const stamp = (content: object) => {
    mkdirSync(folderOf('django'), { recursive: true });
    writeFileSync(stampOf('django'), JSON.stringify(content));
    return absenceOf('django', madeOf('django'));
  };
  t.equal(stamp({ failed: 'Python is needed' }), 'its installation failed: Python is needed');
  t.match(stamp({ made: 'of-other-pins' }), /^another version is installed/);
  t.equal(stamp({ made: madeOf('django') }), undefined);
});

t.test('bench/README.md: every optional peer can be chosen, and each has pins of its own', async (t) => {
  t.strictSame(
    optionalPeers.map(({ name }) => name),
    [...optionalNames],
  );
  t.equal(new Set(optionalNames.map(madeOf)).size, optionalNames.length);
});
