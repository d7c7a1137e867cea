import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Database } from './database.ts';
import type { Statement } from './statement.ts';

const CHANNEL = 'signet';

/** Behind the notifications, which a pooler may swallow: nobody is behind for longer. */
const POLL_MS = 500;

/**
 * Tells every process, this one too, that something of this topic has changed: from the end of the caller's transaction on. Write
 * it last: of two transactions that announce one topic the second waits for the first.
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

/** What is done when a topic has changed. It reads everything anew, so that once is enough for many changes. */
export type Signals = Readonly<Record<string, () => Promise<void>>>;

export interface SignalOptions {
  /** Told about a reading that failed; it is tried again at the next poll. */
  readonly failed: (topic: string, error: Error) => void;
  /** False: as if a pooler swallowed every notification. */
  readonly listens?: boolean;
}

/**
 * Calls the topic's reader whenever another version of it was seen, and once at first, because something may have changed since it
 * was read. Notifications make that immediate, polling makes it certain. Answers how to stop.
 */
export async function startSignals(
  db: Database,
  readers: Signals,
  options: SignalOptions,
): Promise<() => Promise<void>> {
  const seen = new Map<string, number>();
  let isStopped = false;
  let running: Promise<void> | undefined;
  let isAskedAgain = false;

  const look = async () => {
    const rows = await db.query<{ topic: string; version: number }>(versions, []);
    const now = new Map(rows.map((row) => [row.topic, row.version]));
    for (const [topic, read] of Object.entries(readers)) {
      const version = now.get(topic) ?? 0;
      if (isStopped || seen.get(topic) === version) continue;
      try {
        await read();
        seen.set(topic, version);
      } catch (error) {
        options.failed(topic, error as Error);
      }
    }
  };
  /** One look at a time; what is heard during one is looked at after it. */
  const wake = () => {
    isAskedAgain = true;
    running ??= (async () => {
      while (isAskedAgain && !isStopped) {
        isAskedAgain = false;
        await look().catch((error: Error) => options.failed('signals', error));
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
