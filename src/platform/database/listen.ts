import type pg from 'pg';
import { endClient, KEEP_ALIVE, PinnedClient } from './client.ts';

/** Between attempts to connect again. */
const AGAIN_MS = 1000;

/**
 * A connection of its own that does nothing but listen. When it breaks it is made anew for as long as nobody stops it, and
 * `heard(null)` says that something may have been missed meanwhile.
 */
export function listenOn(
  url: string,
  channel: string,
  heard: (payload: string | null) => void,
  farewellMs?: number,
): () => Promise<void> {
  let isStopped = false;
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;

  const again = () => {
    if (isStopped) return;
    timer = setTimeout(connect, AGAIN_MS);
    timer.unref();
  };
  const connect = () => {
    let next: PinnedClient;
    try {
      next = new PinnedClient({ connectionString: url, ...KEEP_ALIVE, application_name: 'signet listen' });
    } catch {
      // The driver reads the files that the URL names, and one of them may just be exchanged.
      again();
      return;
    }
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
      .catch(() => endClient(next).then(over, over));
  };
  connect();
  return async () => {
    isStopped = true;
    clearTimeout(timer);
    if (client) await endClient(client, farewellMs).catch(() => {});
  };
}
