import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Database } from './database.ts';
import type { Statement } from './statement.ts';

const CHANNEL = 'signet';

/** Interval of polling, in case a pooler drops notifications: the longest delay of a signal. */
const POLL_MS = 500;

/**
 * Signals a change of this topic to every process, including this one, once the caller's transaction commits. Write it last: of two
 * transactions that announce one topic, the second waits for the first.
 */
export async function announce(tx: SqlEntityManager, topic: string): Promise<void> {
  await tx.execute(
    'insert into platform_signal (topic, version) values (?, 1) on conflict (topic) do update set version = platform_signal.version + 1',
    [topic],
  );
  await tx.execute('select pg_notify(?, ?)', [CHANNEL, topic]);
}

const versions: Statement = {
  name: 'platform-signals',
  text: 'select topic, version::int as version from platform_signal',
};

/** What to run when a topic has changed. It reads everything again, so one run covers many changes. */
export type Signals = Readonly<Record<string, () => Promise<void>>>;

export interface SignalOptions {
  /** Called when a reader fails; it runs again at the next poll. */
  readonly onError: (topic: string, error: Error) => void;
  /** False: as if a pooler dropped every notification. */
  readonly listens?: boolean;
}

/**
 * Calls a topic's reader when its version has changed, and once at start, because it may have changed since the data was read.
 * Notifications make that immediate, polling makes it certain. Returns a function that stops it.
 */
export async function startSignals(
  db: Database,
  readers: Signals,
  options: SignalOptions,
): Promise<() => Promise<void>> {
  const readVersions = new Map<string, number>();
  let isStopped = false;
  let running: Promise<void> | undefined;
  let isPollPending = false;

  const poll = async () => {
    const rows = await db.query<{ topic: string; version: number }>(versions, []);
    const currentVersions = new Map(rows.map((row) => [row.topic, row.version]));
    for (const [topic, read] of Object.entries(readers)) {
      const version = currentVersions.get(topic) ?? 0;
      if (isStopped || readVersions.get(topic) === version) continue;
      try {
        await read();
        readVersions.set(topic, version);
      } catch (error) {
        options.onError(topic, error as Error);
      }
    }
  };
  /** Polls one at a time; a notification during a poll causes another poll. */
  const wake = () => {
    isPollPending = true;
    running ??= (async () => {
      while (isPollPending && !isStopped) {
        isPollPending = false;
        await poll().catch((error: Error) => options.onError('signals', error));
      }
      running = undefined;
    })();
  };
  const timer = setInterval(wake, POLL_MS);
  timer.unref();
  const stopListening = options.listens === false ? async () => {} : await db.listen(CHANNEL, wake);
  wake();
  return async () => {
    isStopped = true;
    clearInterval(timer);
    await stopListening();
    await running;
  };
}
