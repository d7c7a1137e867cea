import type { AuditContext } from '../../audit/index.ts';
import { type ActiveToken, dryRunPublication, isServedBy, publishCatalogue } from '../../oauth/index.ts';
import {
  type Api,
  DocumentError,
  type DocumentIssue,
  findApi,
  hasPerm,
  type PermissionSpec,
  readApps,
} from '../../permissions/index.ts';
import type { Database } from '../../platform/database/index.ts';
import { Failure } from '../../platform/errors.ts';
import { Problem } from '../../platform/http/index.ts';
import { quote } from '../../platform/text.ts';

/** Of a catalogue, by a program. */
export interface Publishing {
  readonly publisher: { readonly id: string; readonly clientId: string };
  readonly audience: string;
  readonly apps: unknown;
  readonly prune: boolean;
  /** Nothing is to be done, only said. */
  readonly isRehearsal: boolean;
}

/** What guards the publishing of catalogues. */
const NEEDED = 'oauth.change_api';

/** The service account that a token speaks for; refused are users, other APIs' tokens, and who lacks the permission. */
export function publisherName(active: ActiveToken | null): Publishing['publisher'] {
  // RFC 6750 §3.1: a token for another API is none here.
  if (!active?.api.isBuiltin)
    throw new Problem('invalid_token', {
      detail: 'Send an access token for Signet itself: its audience is the issuer.',
      headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
    });
  if (active.principal.kind !== 'client')
    throw new Problem('permission_denied', {
      detail: 'A catalogue is published by a service account, with its own token (client_credentials), not for a user.',
    });
  if (!hasPerm(active.rights, NEEDED))
    throw new Problem('permission_denied', {
      detail: `It lacks ${NEEDED}: signet perm grant --client ${active.claims.client_id} --api signet ${NEEDED}`,
    });
  return { id: active.principal.id, clientId: active.claims.client_id };
}

/** Publishes, or says what that would come to. Users are named only where tokens of the API name them. */
export async function publishFor(
  { db, issuer }: { readonly db: Database; readonly issuer: string },
  audit: AuditContext,
  wanted: Publishing,
) {
  const specs = readSpecs(wanted.apps);
  const work = async (tx: ReturnType<Database['fork']>) => {
    const api = await findApi(tx, wanted.audience, issuer);
    await requireServed(tx, api, wanted);
    return { api: api as Api, done: await publishCatalogue(tx, audit, api as Api, specs, wanted) };
  };
  try {
    const em = db.fork();
    const { api, done } = await (wanted.isRehearsal ? dryRunPublication(em, work) : em.transactional(work));
    const holders = done.holders.map(({ permission, kind, id, name }) => ({
      permission,
      kind,
      name: kind === 'user' && !api.withUsername ? id : name,
    }));
    return { audience: api.audience, ...done, holders };
  } catch (error) {
    if (error instanceof Failure) throw unfit([{ path: ['apps'], message: error.message }]);
    // Two that publish what is new to both (PostgreSQL's appendix A: unique and foreign key violations).
    if (!['23505', '23503'].includes((error as { code?: string }).code ?? '')) throw error;
    throw new Problem('conflict', { detail: 'Somebody else changed this API at this moment. Send it again.' });
  }
}

async function requireServed(
  tx: ReturnType<Database['fork']>,
  api: Api | null,
  { audience, publisher }: Publishing,
): Promise<void> {
  if (!api) throw new Problem('unknown_audience', { detail: `There is no API with the audience ${quote(audience)}.` });
  if (api.isBuiltin)
    throw new Problem('permission_denied', {
      detail: "That is Signet's own API: its permissions come with the version of Signet.",
    });
  if (!(await isServedBy(tx, api.id, publisher.id)))
    throw new Problem('permission_denied', {
      detail: `It does not serve ${api.audience}: signet client update ${publisher.clientId} --serves ${api.audience}`,
    });
}

function readSpecs(apps: unknown): PermissionSpec[] {
  try {
    return readApps(apps);
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    throw unfit(error.issues.map(({ path, message }) => ({ path, message: `It ${message}.` })));
  }
}

/** As many as a refused schema names. */
const MOST_ERRORS = 20;

function unfit(misfits: readonly DocumentIssue[]): Problem {
  const errors = misfits.slice(0, MOST_ERRORS).map(({ path, message }) => ({
    pointer: path.map((one) => `/${String(one).replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
    code: 'invalid',
    detail: message,
  }));
  return new Problem('invalid', { errors });
}
