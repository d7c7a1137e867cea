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
