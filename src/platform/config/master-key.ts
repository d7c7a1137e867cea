import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DomainError } from '../errors.ts';
import { oneLine, readSmallFile } from '../text-file.ts';
import { configError } from './errors.ts';
import type { Config } from './read.ts';

/**
 * Reads the master key, 32 bytes, from the setting, else from `master.key` in the keys folder; undefined if there is neither. It is read
 * once, at start, and never leaves the process.
 */
export function readMasterKey(config: Config): Buffer | undefined {
  if (config.masterKey !== undefined) return parseMasterKey(config.masterKey, config.sources.masterKey);
  const path = join(config.keysDir, 'master.key');
  try {
    return parseMasterKey(oneLine(readSmallFile(path, path), path, 'key'), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (error instanceof DomainError) throw error;
    throw configError('master_key_unreadable', { path, reason: (error as Error).message });
  }
}

/** Creates `master.key`, readable only by its owner. Two processes that do so at once end with one key. */
export function makeMasterKey(config: Config): Buffer {
  const path = join(config.keysDir, 'master.key');
  try {
    mkdirSync(config.keysDir, { recursive: true });
    // Written to a draft and linked: the name appears with the whole key, or not at all.
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flush: true });
    try {
      linkSync(draft, path);
    } finally {
      rmSync(draft, { force: true });
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw configError('master_key_unwritable', { path, reason: String(code) });
  }
  return readMasterKey(config) as Buffer;
}

/** Parses 32 bytes in base64url or hex. Throws `master_key_invalid` with the `source`. */
export function parseMasterKey(text: string, source: string): Buffer {
  const key = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64url');
  const isWhole = /^[0-9a-f]{64}$/i.test(text) || key.toString('base64url') === text.replace(/=+$/, '');
  if (key.length !== 32 || !isWhole) throw configError('master_key_invalid', { source });
  return key;
}
