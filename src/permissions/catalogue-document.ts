import type { Database, Statement } from '../platform/database/index.ts';
import { apiAudience } from './apis.ts';
import { resolveAudienceKey } from './audience.ts';
import { catalogueHash } from './catalogue.ts';
import type { Api, CatalogueVersion } from './entities.ts';

type Version = Pick<CatalogueVersion, 'version' | 'hash' | 'length'>;

interface Entry {
  readonly index: number;
  readonly name: string;
  readonly label: string;
  readonly addedVersion: number;
  readonly removedVersion: number | null;
}

/** All versions of an API's catalogue, read in one statement. */
export interface CatalogueHistory {
  readonly api: Pick<Api, 'audience' | 'isBuiltin' | 'alg' | 'isCataloguePublic'>;
  /** Oldest first. */
  readonly versions: readonly Version[];
  /** Ordered by index. */
  readonly permissions: readonly Entry[];
}

/** The body of `/.well-known/permissions`: the data that a verifier needs to read tokens of an API. */
export interface CatalogueDocument {
  readonly audience: string;
  readonly version: number;
  readonly hash: string;
  readonly versions: readonly Version[];
  readonly permissions: readonly { index: number; name: string; label: string; removed?: true }[];
}

const history: Statement = {
  name: 'permissions-catalogue-history',
  text: `select a.audience, a.is_builtin as "isBuiltin", a.alg, a.is_catalogue_public as "isCataloguePublic",
    (select coalesce(json_agg(json_build_object('version', v.version, 'hash', v.hash, 'length', v.length) order by v.version), '[]')
      from permissions_catalogue_version v where v.api_id = a.id)::text as versions,
    (select coalesce(json_agg(json_build_array(q.index, q.name, q.label, q.added_version, q.removed_version) order by q.index), '[]')
      from permissions_permission q where q.api_id = a.id)::text as permissions
    from permissions_api a where a.audience_key = $1`,
};

type HistoryRow = CatalogueHistory['api'] & { versions: string; permissions: string };

/** Returns the history of an audience's catalogue, or null if there is no such API. The issuer and `signet` both name Signet's own. */
export async function readCatalogueHistory(
  db: Database,
  audience: string,
  issuer: string,
): Promise<CatalogueHistory | null> {
  const [row] = await db.query<HistoryRow>(history, [resolveAudienceKey(audience, issuer)]);
  if (!row) return null;
  const { versions, permissions, ...api } = row;
  const entries = JSON.parse(permissions) as [number, string, string, number, number | null][];
  return {
    api,
    // The version in a token that was issued before the first permission was registered.
    versions: [{ version: 0, hash: catalogueHash([]), length: 0 }, ...(JSON.parse(versions) as Version[])],
    permissions: entries.map(([index, name, label, addedVersion, removedVersion]) => ({
      index,
      name,
      label,
      addedVersion,
      removedVersion,
    })),
  };
}

/**
 * Returns the catalogue at a version (by default the current one) with current labels; null for a version that never existed. A removed
 * permission has an empty name: a reader that ignores `removed` gets no name to grant, and the hash covers the names as published.
 */
export function catalogueDocument(
  { api, versions, permissions }: CatalogueHistory,
  issuer: string,
  version = versions.at(-1)?.version,
): CatalogueDocument | null {
  const at = versions.find((one) => one.version === version);
  if (!at) return null;
  return {
    audience: apiAudience(api, issuer),
    version: at.version,
    hash: at.hash,
    versions: versions.filter((one) => one.version <= at.version),
    permissions: permissions
      .filter((one) => one.addedVersion <= at.version)
      .map(({ index, name, label, removedVersion }) =>
        removedVersion !== null && removedVersion <= at.version
          ? { index, name: '', label, removed: true }
          : { index, name, label },
      ),
  };
}
