import { availableParallelism } from 'node:os';
import { passwordsOf } from '../app.ts';
import type { Passwords } from '../passwords/index.ts';
import { type Config, readMasterKey } from '../platform/config/index.ts';
import type { Database } from '../platform/database/index.ts';
import { Failure } from '../platform/failure.ts';
import { type Clock, systemClock } from '../platform/time.ts';
import { createKeyRing, type KeyRing, openKeys } from '../tokens/index.ts';
import type { Context } from './command.ts';

/** What a running server has ready already. */
export interface Ready {
  readonly issuer: string;
  readonly masterKey: Buffer;
  readonly keys: KeyRing;
  readonly passwords: Passwords;
}

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
    stamp: () => ({ at: clock.now(), actor: { kind: 'cli', id: actor, label: `cli:${actor}` } }),
    issuer: () => ready?.issuer ?? issuerOf(config),
    masterKey,
    passwords: () => {
      passwords ??= ready ? Promise.resolve(ready.passwords) : passwordsOf(config, availableParallelism());
      return passwords;
    },
    keys: () => {
      keys ??= ready ? Promise.resolve(ready.keys) : createKeyRing((open) => openKeys(db.fork(), masterKey(), open));
      return keys;
    },
    progress,
  };
}

/** The issuer that the settings give; in development it follows the port. */
export function issuerOf(config: Config): string {
  if (config.issuer !== undefined) return config.issuer;
  if (config.mode === 'development') return `http://localhost:${config.port}`;
  throw new Failure('usage', 'SIGNET_ISSUER is not set. Set it to the public https URL of this server.');
}
