import { availableParallelism } from 'node:os';
import type { Passwords } from '../passwords/index.ts';
import { type Config, readIssuer, readMasterKey } from '../platform/config/index.ts';
import type { Database } from '../platform/database/index.ts';
import { Failure } from '../platform/errors.ts';
import { type Clock, systemClock } from '../platform/time.ts';
import { createConfiguredPasswords } from '../server/options.ts';
import type { Ready } from '../server/serve.ts';
import { createKeyRing, type KeyRing, openKeys } from '../tokens/index.ts';
import type { Context } from './command.ts';

/** What a command works with. `actor` is the user id of whoever typed it; `ready` is passed by a running server. */
export function createContext(
  config: Config,
  db: Database,
  actor: string,
  progress: (line: string) => void,
  ready?: Ready,
): Context {
  const clock: Clock = systemClock;
  const masterKey = () => {
    const key = ready?.masterKey ?? readMasterKey(config);
    if (!key)
      throw new Failure(
        'failed',
        `There is no master key in ${config.keysDir}. Set SIGNET_MASTER_KEY_FILE, or make one with: npx signet migrate`,
      );
    return key;
  };
  let passwords: Promise<Passwords> | undefined;
  let keys: Promise<KeyRing> | undefined;
  return {
    config,
    db,
    clock,
    audit: () => ({ at: clock.now(), actor: { kind: 'cli', id: actor, label: `cli:${actor}` } }),
    issuer: () => ready?.issuer ?? readIssuer(config),
    masterKey,
    passwords: () => {
      passwords ??= ready
        ? Promise.resolve(ready.passwords)
        : createConfiguredPasswords(config, availableParallelism());
      return passwords;
    },
    keys: () => {
      keys ??= ready ? Promise.resolve(ready.keys) : createKeyRing((open) => openKeys(db.fork(), masterKey(), open));
      return keys;
    },
    progress,
  };
}
