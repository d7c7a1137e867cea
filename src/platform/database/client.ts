import pg from 'pg';
import { SESSION_SETTINGS, STARTUP_PARAMETERS, settingStatement, type Use } from './session-settings.ts';

/** The driver's client with the start-up parameters that poolers track per client (`session-settings.ts`). */
export class PinnedClient extends pg.Client {
  /** Part of the driver that its types do not declare. */
  getStartupConf(): Record<string, string> {
    const base = (pg.Client.prototype as unknown as { getStartupConf(this: pg.Client): Record<string, string> })
      .getStartupConf;
    return { ...base.call(this), ...STARTUP_PARAMETERS };
  }
}

/**
 * Sets the other session settings on a connection that this process owns. They are not in the start-up packet, because poolers such as
 * PgBouncer refuse unknown parameters.
 */
export async function pinSession(client: pg.ClientBase, use: Use): Promise<void> {
  await client.query(settingStatement(use, SESSION_SETTINGS));
}

/**
 * For connections that may be idle for hours: firewalls and NAT in front of a hosted database drop idle connections after some minutes, and
 * an operating system by default probes only after two hours.
 */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 30_000 };

interface Stream {
  write(bytes: Buffer): void;
  destroy(): void;
}

/** The driver's stream, which its types do not declare. TLS replaces it while it connects. */
export function clientStream(client: pg.Client): Stream {
  return (client.connection as unknown as { readonly stream: Stream }).stream;
}

/** How long a server may take to close the connection. One that hangs, or is gone, never does. */
const CLOSE_TIMEOUT_MS = 2000;

/** Ends the connection, and destroys it if the server does not close it in time. */
export async function endClient(client: pg.Client, timeoutMs = CLOSE_TIMEOUT_MS): Promise<void> {
  const timer = setTimeout(() => clientStream(client).destroy(), timeoutMs);
  try {
    await client.end();
  } finally {
    clearTimeout(timer);
  }
}
