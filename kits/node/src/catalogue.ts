import { createHash } from 'node:crypto';
import type { CachedDocument } from './cached-document.ts';
import { VerifierError } from './errors.ts';
import { decodeBase64url } from './jws.ts';
import { parseObject } from './strict-json.ts';

interface Version {
  /** SHA-256, base64url. */
  readonly hash: string;
  /** Number of indexes at this version: the number of bits in its bitmaps. */
  readonly length: number;
}

/** An API's permissions by index, from `/.well-known/permissions`. */
export interface Catalogue {
  readonly version: number;
  readonly versions: ReadonlyMap<number, Version>;
  /** Indexes by name, without removed permissions. */
  readonly indexes: ReadonlyMap<string, number>;
  /** Indexes by app label. */
  readonly apps: ReadonlyMap<string, readonly number[]>;
}

const MAX_PERMISSIONS = 100_000;

/**
 * Parses and validates a catalogue document. Indexes run from 0 without gaps, names are unique, and the hash of the version is that of the
 * lines `index TAB name LF` (a removed permission has an empty name). Throws `catalogue_malformed`.
 */
export function readCatalogue(body: Uint8Array, audience: string): Catalogue {
  const malformed = (detail: string) => new VerifierError('catalogue_malformed', { detail });
  const document = parseObject(body);
  if (!document) throw malformed('it is no JSON object, or has a member twice');
  if (document['audience'] !== audience) throw malformed('it is of another audience');
  const { version, hash, permissions } = document;
  const versions = readVersions(document['versions']);
  if (!versions || !isCount(version)) throw malformed('its versions are malformed');
  if (!Array.isArray(permissions) || permissions.length > MAX_PERMISSIONS) throw malformed('it has no permissions');

  const digest = createHash('sha256');
  const indexes = new Map<string, number>();
  const apps = new Map<string, number[]>();
  for (const [position, entry] of (permissions as unknown[]).entries()) {
    const { index, name, removed } = (entry ?? {}) as Record<string, unknown>;
    if (index !== position || typeof name !== 'string') throw malformed(`the permission at ${position} is malformed`);
    if (removed !== undefined && removed !== true) throw malformed(`the permission at ${position} is malformed`);
    digest.update(`${position}\t${removed ? '' : name}\n`, 'utf8');
    if (removed) continue;
    if (name === '' || /[\t\n]/.test(name) || indexes.has(name))
      throw malformed(`the name at ${position} is malformed`);
    indexes.set(name, position);
    const dot = name.indexOf('.');
    if (dot === -1) continue;
    const app = name.slice(0, dot);
    const appIndexes = apps.get(app);
    if (appIndexes) appIndexes.push(position);
    else apps.set(app, [position]);
  }
  const current = versions.get(version);
  if (current?.hash !== hash || current?.length !== permissions.length)
    throw malformed('its versions do not have its own');
  if (digest.digest('base64url') !== hash) throw malformed('its hash is not the one of its permissions');
  return { version, versions, indexes, apps };
}

function readVersions(value: unknown): Map<number, Version> | undefined {
  if (!Array.isArray(value)) return undefined;
  const versions = new Map<number, Version>();
  for (const entry of value as unknown[]) {
    const { version, hash, length } = (entry ?? {}) as Record<string, unknown>;
    if (!isCount(version) || !isCount(length) || versions.has(version)) return undefined;
    if (typeof hash !== 'string' || decodeBase64url(hash)?.length !== 32) return undefined;
    versions.set(version, { hash, length });
  }
  return versions;
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The claim `permissions_bitmap` with decoded bits. */
export interface BitmapClaim {
  readonly version: number;
  /** The first 8 bytes of the catalogue's hash, base64url. */
  readonly hash: string;
  readonly bits: Uint8Array;
}

/** Length of the hash in a token, in bytes. */
const HASH_BYTES = 8;

/** A bitmap with the catalogue that defines it. */
export interface ReadBitmap {
  readonly bits: Uint8Array;
  readonly length: number;
  readonly catalogue: Catalogue;
}

/**
 * Matches a bitmap with its catalogue. Returns undefined if this catalogue lacks the version or its hash differs. Throws `bitmap_malformed`
 * for a wrong length or a set unused bit.
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
 * Like `readBitmap`, with the cached catalogue; for an unknown version or hash it is fetched once again. Throws `catalogue_unknown` if the
 * issuer lacks it too, `catalogue_unavailable` if it could not be fetched now.
 */
export async function readBitmapWith(cache: CachedDocument<Catalogue>, claim: BitmapClaim): Promise<ReadBitmap> {
  const mark = cache.mark();
  const current = await cache.current();
  const bitmap = readBitmap(claim, current);
  if (bitmap) return bitmap;
  const { value, isFetched } = await cache.newer(mark);
  const fetchedBitmap = readBitmap(claim, value);
  if (fetchedBitmap) return fetchedBitmap;
  // Not fetched because of the cooldown: the version may be newer than the cached catalogue.
  if (cache.isFailing || (!isFetched && claim.version > current.version)) throw cache.unavailable();
  throw new VerifierError('catalogue_unknown');
}
