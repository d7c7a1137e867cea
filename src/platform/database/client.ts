import pg from 'pg';
import { SESSION_SETTINGS, STARTUP_PARAMETERS, settingStatement, type Use } from './session-settings.ts';

/** The driver's client, whose start-up packet says what poolers follow from client to client (`session-settings.ts`). */
export class PinnedClient extends pg.Client {
  /** The driver's own, which its types do not name. */
  getStartupConf(): Record<string, string> {
    const base = (pg.Client.prototype as unknown as { getStartupConf(this: pg.Client): Record<string, string> })
      .getStartupConf;
    return { ...base.call(this), ...STARTUP_PARAMETERS };
  }
}

/**
 * Sets the rest on a connection that is this process's alone. Not in its start-up packet: poolers such as PgBouncer refuse a
 * packet with parameters that they do not know.
 */
export async function pinSession(client: pg.ClientBase, use: Use): Promise<void> {
  await client.query(settingStatement(use, SESSION_SETTINGS));
}

/**
 * For connections that may be idle for hours: firewalls, and the translation of addresses before a hosted database, forget one after
 * some minutes. PostgreSQL is asked for a sign of life before that; an operating system left to itself asks after two hours.
 */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 30_000 };

interface Stream {
  write(bytes: Buffer): void;
  destroy(): void;
}

/** The driver's stream, which its types do not name. TLS puts another one in its place while it connects. */
export function clientStream(client: pg.Client): Stream {
  return (client.connection as unknown as { readonly stream: Stream }).stream;
}

/** How long a server may take to hang up. One that hangs, or is gone, never does. */
const FAREWELL_MS = 2000;

/** Says goodbye to the server, and hangs up by itself where the server does not. */
export async function endClient(client: pg.Client, milliseconds = FAREWELL_MS): Promise<void> {
  const timer = setTimeout(() => clientStream(client).destroy(), milliseconds);
  try {
    await client.end();
  } finally {
    clearTimeout(timer);
  }
}
