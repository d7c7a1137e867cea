import { fork } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { findLockOwner, lockFolder } from '../../src/platform/folder-lock.ts';
import t from '../support/tap.ts';

// PGlite has no lock of its own: two processes on one folder lose rows. Everything here guards that.

if (process.argv[2] === 'hold') {
  // The child of the tests below: takes the folder, says so, waits to be killed.
  const outcome = await lockFolder(process.argv[3] as string).then(
    () => 'held',
    (error: Error) => error.name,
  );
  process.send?.(outcome);
  if (outcome !== 'held') process.disconnect?.();
} else {
  const folder = () => mkdtempSync(join(tmpdir(), 'lock-'));
  const hold = (place: string) =>
    new Promise<{ outcome: string; kill(): Promise<void> }>((resolve) => {
      const child = fork(import.meta.filename, ['hold', place]);
      const over = new Promise<void>((done) => child.once('exit', () => done()));
      const kill = async () => {
        child.kill('SIGKILL');
        await over;
      };
      // tap talks over the same channel, in objects.
      child.on('message', (outcome) => typeof outcome === 'string' && resolve({ outcome, kill }));
    });

  t.test('the folder belongs to one process; the second is refused', async (t) => {
    const place = folder();
    const lock = await lockFolder(place);
    await t.rejects(lockFolder(place), {
      code: 'folder_locked',
      params: { folder: place, pid: process.pid },
    });
    t.match(await findLockOwner(place), { instance: lock.owner.instance });
    await lock.release();
    t.equal(await findLockOwner(place), undefined);
    t.same(readdirSync(place), [], 'nothing is left');
    await (await lockFolder(place)).release();
  });

  t.test('live means that the socket answers with the instance id, not that a process id exists', async (t) => {
    const place = folder();
    writeFileSync(
      join(place, 'signet.lock'),
      JSON.stringify({ instance: 'dead', pid: process.pid, socket: join(place, 'control-dead.sock') }),
    );
    const lock = await lockFolder(place);
    t.equal(JSON.parse(readFileSync(join(place, 'signet.lock'), 'utf8')).instance, lock.owner.instance);
    await lock.release();
  });

  t.test('a holder that was killed is succeeded, again and again', async (t) => {
    const place = folder();
    for (let i = 0; i < 3; i++) {
      const holder = await hold(place);
      t.equal(holder.outcome, 'held');
      await t.rejects(lockFolder(place), { code: 'folder_locked' });
      await holder.kill();
    }
    const lock = await lockFolder(place);
    t.equal(
      readdirSync(place).filter((name) => name.startsWith('signet.lock.')).length,
      0,
      'what the dead left is swept',
    );
    await lock.release();
  });

  t.test('of 12 that want the folder of a dead holder at once, one gets it (20 rounds)', async (t) => {
    const place = folder();
    for (let round = 0; round < 20; round++) {
      writeFileSync(
        join(place, 'signet.lock'),
        JSON.stringify({ instance: `dead-${round}`, pid: 1, socket: join(place, 'control-dead.sock') }),
      );
      const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => lockFolder(place)));
      const held = outcomes.filter((one) => one.status === 'fulfilled');
      t.equal(held.length, 1, `round ${round}`);
      await held[0]?.value.release();
    }
  });

  t.test('of 5 processes that want it at once, one gets it', async (t) => {
    const place = folder();
    writeFileSync(
      join(place, 'signet.lock'),
      JSON.stringify({ instance: 'dead', pid: 1, socket: join(place, 'control-dead.sock') }),
    );
    const holders = await Promise.all(Array.from({ length: 5 }, () => hold(place)));
    t.equal(holders.filter((one) => one.outcome === 'held').length, 1);
    await Promise.all(holders.map((one) => one.kill()));
  });

  t.test('a command that comes while the server starts is answered when it has started', async (t) => {
    const lock = await lockFolder(folder());
    const early = connect(lock.owner.socket);
    const lines: string[] = [];
    const isClosed = new Promise((done) => early.on('data', (text) => lines.push(String(text))).once('close', done));
    early.write('list\n');
    while (lines.length === 0) await setTimeout(5);
    lock.serve((connection) => connection.once('data', (request) => connection.end(`done: ${request}`)));
    await isClosed;
    t.equal(lines.join(''), `${lock.owner.instance}\ndone: list\n`);
    await lock.release();
  });

  t.test('a path too long for a socket moves to a private temporary folder, noted in the lock file', async (t) => {
    const place = join(folder(), 'x'.repeat(60), 'y'.repeat(60));
    const lock = await lockFolder(place);
    t.notOk(lock.owner.socket.startsWith(place));
    t.match(await findLockOwner(place), { socket: lock.owner.socket });
    await lock.release();
    t.notOk(existsSync(lock.owner.socket));
  });

  t.test('a folder that cannot be made or written is refused with the reason', async (t) => {
    const place = folder();
    writeFileSync(join(place, 'file'), '');
    await t.rejects(lockFolder(join(place, 'file', 'data')), {
      code: 'folder_unwritable',
      params: { folder: join(place, 'file', 'data'), reason: 'ENOTDIR' },
    });
    if (process.getuid?.() !== 0) {
      mkdirSync(join(place, 'closed'));
      chmodSync(join(place, 'closed'), 0o500);
      await t.rejects(lockFolder(join(place, 'closed')), { code: 'folder_unwritable' });
    }
    rmSync(place, { recursive: true, force: true });
  });
}
