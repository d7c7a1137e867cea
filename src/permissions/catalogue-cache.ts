import { singleFlight } from '../platform/concurrency.ts';
import type { Database } from '../platform/database/index.ts';
import { type PublicDocument, publicDocument } from '../platform/digest.ts';
import { createLru } from '../platform/lru.ts';
import { resolveAudienceKey } from './audience.ts';
import { type CatalogueHistory, catalogueDocument, readCatalogueHistory } from './catalogue-document.ts';
import type { Api } from './entities.ts';

/** The document of one version of a catalogue, as bytes. */
export interface CachedCatalogue {
  readonly isPublic: boolean;
  readonly alg: Api['alg'];
  /** Null if the catalogue never had that version. */
  readonly json: PublicDocument | null;
}

/**
 * A cache of catalogue documents per process, built on first request. Reading an entry takes no statement, so entries are valid until the
 * change feed has the topic `catalogue`.
 */
export interface CatalogueCache {
  /** Returns a cached document; undefined if it must be read first. */
  ready(audience: string, version?: number): CachedCatalogue | undefined;
  /** The same, but reads a document that is not cached. Null if there is no such API. */
  find(audience: string, version?: number): Promise<CachedCatalogue | null>;
  drop(): void;
}

/** Bytes of documents, and of the histories they are built from. Small entries count as `FLOOR_BYTES`, so there are a few hundred at most. */
const LIMIT_BYTES = 32 * 1024 * 1024;
const FLOOR_BYTES = 64 * 1024;

export function createCatalogueCache(db: Database, issuer: string): CatalogueCache {
  const documents = createLru<CachedCatalogue>(LIMIT_BYTES, ({ json }) =>
    Math.max(FLOOR_BYTES, json?.body.length ?? 0),
  );
  const histories = createLru<CatalogueHistory>(LIMIT_BYTES, historyWeight);
  const shareRead = singleFlight<CatalogueHistory | null>();
  // A result that was read before a change is not cached after it, nor given to a request that comes after it.
  let changes = 0;

  const read = (key: string) => {
    const cached = histories.get(key);
    if (cached) return Promise.resolve(cached);
    const changesAtStart = changes;
    return shareRead(`${changesAtStart}\n${key}`, async () => {
      const history = await readCatalogueHistory(db, key, issuer);
      // Unknown audiences are not cached: their number has no limit.
      if (history && changes === changesAtStart) histories.set(key, history);
      return history;
    });
  };
  const cacheKey = (audience: string, version: number | undefined) =>
    `${resolveAudienceKey(audience, issuer)}\n${version ?? ''}`;

  return {
    ready: (audience, version) => documents.get(cacheKey(audience, version)),
    async find(audience, version) {
      const changesAtStart = changes;
      const history = await read(resolveAudienceKey(audience, issuer));
      if (!history) return null;
      const document = catalogueDocument(history, issuer, version);
      const { alg, isCataloguePublic: isPublic } = history.api;
      const json = document && publicDocument(Buffer.from(JSON.stringify(document)));
      const entry = { isPublic, alg, json };
      // Versions that do not exist are not cached either.
      if (json && changes === changesAtStart) documents.set(cacheKey(audience, version), entry);
      return entry;
    },
    drop() {
      changes += 1;
      documents.clear();
      histories.clear();
    },
  };
}

/** The memory of one permission or version in a history, without its name and label. */
const ENTRY_BYTES = 150;

function historyWeight({ versions, permissions }: CatalogueHistory): number {
  let bytes = (versions.length + permissions.length) * ENTRY_BYTES;
  for (const { name, label } of permissions) bytes += 2 * (name.length + label.length);
  return Math.max(FLOOR_BYTES, bytes);
}
