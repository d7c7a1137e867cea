import type pg from 'pg';
import { PinnedClient } from './client.ts';

/** Between attempts to connect again. */
const AGAIN_MS = 1000;

/**
 * A connection of its own that does nothing but listen. When it breaks it is made anew for as long as nobody stops it, and
 * `heard(null)` says that something may have been missed meanwhile.
 */
export function listenOn(url: string, channel: string, heard: (payload: string | null) => void): () => Promise<void> {
  let isStopped = false;
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;

  const again = () => {
    if (isStopped) return;
    timer = setTimeout(connect, AGAIN_MS);
    timer.unref();
  };
  const connect = () => {
    const next = new PinnedClient({ connectionString: url, keepAlive: true, application_name: 'signet listen' });
    client = next;
    let isOver = false;
    const over = () => {
      if (isOver) return;
      isOver = true;
      again();
    };
    next.on('notification', ({ channel: from, payload }) => {
      if (from === channel) heard(payload ?? '');
    });
    // A connection that breaks may say so twice.
    next.on('error', over);
    next.once('end', over);
    next
      .connect()
      .then(() => next.query(`listen ${next.escapeIdentifier(channel)}`))
      .then(() => heard(null))
      .catch(() => next.end().then(over, over));
  };
  connect();
  return async () => {
    isStopped = true;
    clearTimeout(timer);
    await client?.end().catch(() => {});
  };
}
