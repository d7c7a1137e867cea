import type { GrantLife } from '../../tokens/index.ts';
import type { LiveClient } from '../clients/cache.ts';

/** How long a client's grants live: as its own settings say, else as the server's do. */
export function clientGrantLife({ settings }: Pick<LiveClient, 'settings'>, standard: GrantLife): GrantLife {
  return {
    idleSeconds: settings.refreshIdleSeconds ?? standard.idleSeconds,
    absoluteSeconds: settings.refreshAbsoluteSeconds ?? standard.absoluteSeconds,
  };
}
