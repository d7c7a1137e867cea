import { createHash } from 'node:crypto';
import { decode } from './compact.ts';
import { VerifierError } from './errors.ts';
import type { Kept } from './kept.ts';
import { parseObject } from './strict-json.ts';

interface Version {
  /** SHA-256, base64url. */
  readonly hash: string;
  /** Indexes given until then: a bitmap of this version has so many bits. */
  readonly length: number;
}

/** An API's permissions by their places, as `/.well-known/permissions` says them. */
export interface Catalogue {
  readonly version: number;
  readonly versions: ReadonlyMap<number, Version>;
  /** Of the permissions that are not removed. */
  readonly indexes: ReadonlyMap<string, number>;
  /** The same by app label. */
  readonly apps: ReadonlyMap<string, readonly number[]>;
}

const MAX_PERMISSIONS = 100_000;

/**
 * Reads a catalogue document. Indexes run from 0 without a gap, names are there once, and the hash of the version is the one of
 * the lines `index TAB name LF` (a removed permission has an empty name). Throws `catalogue_malformed`.
 */
export function readCatalogue(body: Uint8Array, audience: string): Catalogue {
  const refuse = (detail: string) => new VerifierError('catalogue_malformed', { detail });
  const document = parseObject(body);
  if (!document) throw refuse('it is no JSON object, or has a member twice');
  if (document['audience'] !== audience) throw refuse('it is of another audience');
  const { version, hash, permissions } = document;
  const versions = readVersions(document['versions']);
  if (!versions || !isCount(version)) throw refuse('its versions are malformed');
  if (!Array.isArray(permissions) || permissions.length > MAX_PERMISSIONS) throw refuse('it has no permissions');

  const digest = createHash('sha256');
  const indexes = new Map<string, number>();
  const apps = new Map<string, number[]>();
  for (const [place, one] of (permissions as unknown[]).entries()) {
    const { index, name, removed } = (one ?? {}) as Record<string, unknown>;
    if (index !== place || typeof name !== 'string') throw refuse(`the permission at ${place} is malformed`);
    if (removed !== undefined && removed !== true) throw refuse(`the permission at ${place} is malformed`);
    digest.update(`${place}\t${removed ? '' : name}\n`, 'utf8');
    if (removed) continue;
    if (name === '' || /[\t\n]/.test(name) || indexes.has(name)) throw refuse(`the name at ${place} is malformed`);
    indexes.set(name, place);
    const dot = name.indexOf('.');
    if (dot === -1) continue;
    const app = name.slice(0, dot);
    const others = apps.get(app);
    if (others) others.push(place);
    else apps.set(app, [place]);
  }
  const known = versions.get(version);
  if (known?.hash !== hash || known?.length !== permissions.length) throw refuse('its versions do not have its own');
  if (digest.digest('base64url') !== hash) throw refuse('its hash is not the one of its permissions');
  return { version, versions, indexes, apps };
}

function readVersions(value: unknown): Map<number, Version> | undefined {
  if (!Array.isArray(value)) return undefined;
  const versions = new Map<number, Version>();
  for (const one of value as unknown[]) {
    const { version, hash, length } = (one ?? {}) as Record<string, unknown>;
    if (!isCount(version) || !isCount(length) || versions.has(version)) return undefined;
    if (typeof hash !== 'string' || decode(hash)?.length !== 32) return undefined;
    versions.set(version, { hash, length });
  }
  return versions;
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The claim `permissions_bitmap`, its bits decoded. */
export interface BitmapClaim {
  readonly version: number;
  /** The first 8 bytes of the catalogue's hash, base64url. */
  readonly hash: string;
  readonly bits: Uint8Array;
}

/** Of the hash, in a token. */
const HASH_BYTES = 8;

/** What a bitmap is read with. */
export interface ReadBitmap {
  readonly bits: Uint8Array;
  readonly length: number;
  readonly catalogue: Catalogue;
}

/**
 * A bitmap and the catalogue that it is of. Undefined: this catalogue has no such version with such a hash. Throws
 * `bitmap_malformed` for a wrong length or a set unused bit.
 */
export function readBitmap(claim: BitmapClaim, catalogue: Catalogue): ReadBitmap | undefined {
  const version = catalogue.versions.get(claim.version);
  if (!version) return undefined;
  const hash = Buffer.from(version.hash, 'base64url').subarray(0, HASH_BYTES).toString('base64url');
  if (hash !== claim.hash) return undefined;
  const { bits } = claim;
  const { length } = version;
  if (bits.length !== Math.ceil(length / 8))
    throw new VerifierError('bitmap_malformed', { detail: `${bits.length} bytes for ${length} permissions` });
  if (length % 8 !== 0 && (bits.at(-1) as number) >> (length % 8) !== 0)
    throw new VerifierError('bitmap_malformed', { detail: 'an unused bit is set' });
  return { bits, length, catalogue };
}

/**
 * The same with the catalogue that is kept; a version or hash that it does not have is asked for once. Throws
 * `catalogue_unknown` when the issuer does not have it either, `catalogue_unavailable` when it could not be asked (just now).
 */
export async function readBitmapWith(kept: Kept<Catalogue>, claim: BitmapClaim): Promise<ReadBitmap> {
  const mark = kept.mark();
  const current = await kept.current();
  const read = readBitmap(claim, current);
  if (read) return read;
  const { value, isAsked } = await kept.newer(mark);
  const reread = readBitmap(claim, value);
  if (reread) return reread;
  // Not asked, because something was asked a moment ago: the version may be younger than that answer.
  if (kept.isFailing || (!isAsked && claim.version > current.version)) throw kept.unavailable();
  throw new VerifierError('catalogue_unknown');
}
