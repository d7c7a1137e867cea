import type { Database } from '../platform/database/index.ts';
import { type PublicDocument, publicDocument } from '../platform/digest.ts';
import { createLru } from '../platform/lru.ts';
import { keyOfAudience } from './audience.ts';
import { type CatalogueHistory, catalogueDocument, readCatalogueHistory } from './catalogue-document.ts';
import type { Api } from './entities.ts';

/** A catalogue of one version, as the bytes of its document. */
export interface CachedCatalogue {
  readonly isPublic: boolean;
  readonly alg: Api['alg'];
  /** Null: the catalogue never had that version. */
  readonly json: PublicDocument | null;
}

/**
 * What a process keeps of catalogues: documents as bytes, made when somebody asks first. It is good until somebody says that a
 * catalogue has changed (the signal `catalogue`), since to read one takes no statement.
 */
export interface CatalogueCache {
  /** What is ready; undefined when it has to be found first. */
  ready(audience: string, version?: number): CachedCatalogue | undefined;
  /** The same, read where it is not ready; null when there is no such API. */
  find(audience: string, version?: number): Promise<CachedCatalogue | null>;
  drop(): void;
}

/** Bytes of documents, and of the histories that they are made of. A small one counts as much as the floor: a few hundred at the most. */
const LIMIT_BYTES = 32 * 1024 * 1024;
const FLOOR_BYTES = 64 * 1024;

export function createCatalogueCache(db: Database, issuer: string): CatalogueCache {
  const documents = createLru<CachedCatalogue>(LIMIT_BYTES, ({ json }) =>
    Math.max(FLOOR_BYTES, json?.body.length ?? 0),
  );
  const histories = createLru<CatalogueHistory>(LIMIT_BYTES, historyWeight);
  /** Readings under way, so that many who ask at once cause one statement. */
  const reading = new Map<string, Promise<CatalogueHistory | null>>();
  // What was read before a change was heard of must not be kept after it.
  let changes = 0;

  const read = (key: string) => {
    const known = histories.get(key);
    if (known) return Promise.resolve(known);
    const underWay = reading.get(key);
    if (underWay) return underWay;
    const begun = changes;
    const next = readCatalogueHistory(db, key, issuer)
      .then((history) => {
        // Unknown audiences are not kept: there is no end of them.
        if (history && changes === begun) histories.set(key, history);
        return history;
      })
      .finally(() => {
        if (reading.get(key) === next) reading.delete(key);
      });
    reading.set(key, next);
    return next;
  };
  const cacheKey = (audience: string, version: number | undefined) =>
    `${keyOfAudience(audience, issuer)}\n${version ?? ''}`;

  return {
    ready: (audience, version) => documents.get(cacheKey(audience, version)),
    async find(audience, version) {
      const begun = changes;
      const history = await read(keyOfAudience(audience, issuer));
      if (!history) return null;
      const document = catalogueDocument(history, issuer, version);
      const { alg, isCataloguePublic: isPublic } = history.api;
      const json = document && publicDocument(Buffer.from(JSON.stringify(document)));
      const made = { isPublic, alg, json };
      // Of versions that never were there is no end either.
      if (json && changes === begun) documents.set(cacheKey(audience, version), made);
      return made;
    },
    drop() {
      changes += 1;
      documents.clear();
      histories.clear();
      reading.clear();
    },
  };
}

/** Texts and objects of an entry. */
const ENTRY_BYTES = 150;

function historyWeight({ versions, permissions }: CatalogueHistory): number {
  let bytes = (versions.length + permissions.length) * ENTRY_BYTES;
  for (const { name, label } of permissions) bytes += 2 * (name.length + label.length);
  return Math.max(FLOOR_BYTES, bytes);
}
