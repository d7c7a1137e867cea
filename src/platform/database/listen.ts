import type pg from 'pg';
import { endClient, KEEP_ALIVE, PinnedClient } from './client.ts';

/** Delay between attempts to connect again. */
const RETRY_MS = 1000;

/**
 * Opens a dedicated connection that only listens. It reconnects until it is stopped, and calls `onNotify(null)` after each reconnect,
 * because notifications may have been missed.
 */
export function listenOn(
  url: string,
  channel: string,
  onNotify: (payload: string | null) => void,
  closeTimeoutMs?: number,
): () => Promise<void> {
  let isStopped = false;
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;

  const retry = () => {
    if (isStopped) return;
    timer = setTimeout(connect, RETRY_MS);
    timer.unref();
  };
  const connect = () => {
    let candidate: PinnedClient;
    try {
      candidate = new PinnedClient({ connectionString: url, ...KEEP_ALIVE, application_name: 'signet listen' });
    } catch {
      // The driver reads the files that the URL names, and one of them may be in the middle of a replacement.
      retry();
      return;
    }
    client = candidate;
    let hasEnded = false;
    const onEnd = () => {
      if (hasEnded) return;
      hasEnded = true;
      retry();
    };
    candidate.on('notification', ({ channel: source, payload }) => {
      if (source === channel) onNotify(payload ?? '');
    });
    // A broken connection may emit both events.
    candidate.on('error', onEnd);
    candidate.once('end', onEnd);
    candidate
      .connect()
      .then(() => candidate.query(`listen ${candidate.escapeIdentifier(channel)}`))
      .then(() => onNotify(null))
      .catch(() => endClient(candidate).then(onEnd, onEnd));
  };
  connect();
  return async () => {
    isStopped = true;
    clearTimeout(timer);
    if (client) await endClient(client, closeTimeoutMs).catch(() => {});
  };
}
