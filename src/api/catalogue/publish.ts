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
import { isDomainError } from '../../platform/errors.ts';
import { Problem } from '../../platform/http/index.ts';
import { issueText, message } from '../../ui/messages.ts';
import { refusal } from '../refusals.ts';

/** A request to publish a catalogue. */
export interface PublicationRequest {
  readonly publisher: { readonly id: string; readonly clientId: string };
  readonly audience: string;
  readonly apps: unknown;
  readonly prune: boolean;
  /** Report only; change nothing. */
  readonly isDryRun: boolean;
}

/** The permission for publishing catalogues. */
const REQUIRED_PERMISSION = 'oauth.change_api';

/** Returns the service account of a token. Refused: users, tokens of other APIs, and accounts without the permission. */
export function requirePublisher(active: ActiveToken | null): PublicationRequest['publisher'] {
  // RFC 6750 §3.1: a token for another API is invalid here.
  if (!active?.api.isBuiltin)
    throw refusal('publisher_token_wrong', undefined, { 'www-authenticate': 'Bearer error="invalid_token"' });
  if (active.principal.kind !== 'client') throw refusal('publisher_not_a_client');
  const clientId = active.claims.client_id;
  if (!hasPerm(active.rights, REQUIRED_PERMISSION))
    throw refusal('publisher_without_permission', { clientId, permission: REQUIRED_PERMISSION });
  return { id: active.principal.id, clientId };
}

/** Publishes a catalogue, or reports the effect in a dry run. Users are named only if the API's tokens name them. */
export async function publish(
  { db, issuer }: { readonly db: Database; readonly issuer: string },
  audit: AuditContext,
  request: PublicationRequest,
) {
  const specs = readSpecs(request.apps);
  const work = async (tx: ReturnType<Database['fork']>) => {
    const api = await findApi(tx, request.audience, issuer);
    await requireServed(tx, api, request);
    return { api: api as Api, result: await publishCatalogue(tx, audit, api as Api, specs, request) };
  };
  try {
    const em = db.fork();
    const { api, result } = await (request.isDryRun ? dryRunPublication(em, work) : em.transactional(work));
    const holders = result.holders.map(({ permission, kind, id, name }) => ({
      permission,
      kind,
      name: kind === 'user' && !api.withUsername ? id : name,
    }));
    return { audience: api.audience, ...result, holders };
  } catch (error) {
    if (isDomainError(error, 'catalogue_too_large'))
      throw invalidInput([{ path: ['apps'], message: message('catalogue.too_large', error.params) }]);
    // Two concurrent publications of the same names (PostgreSQL appendix A: unique and foreign key violations).
    if (!['23505', '23503'].includes((error as { code?: string }).code ?? '')) throw error;
    throw refusal('api_changed_meanwhile');
  }
}

async function requireServed(
  tx: ReturnType<Database['fork']>,
  api: Api | null,
  { audience, publisher }: PublicationRequest,
): Promise<void> {
  if (!api) throw refusal('audience_unknown', { audience });
  if (api.isBuiltin) throw refusal('catalogue_of_own_api');
  if (!(await isServedBy(tx, api.id, publisher.id)))
    throw refusal('publisher_of_other_api', { clientId: publisher.clientId, audience: api.audience });
}

function readSpecs(apps: unknown): PermissionSpec[] {
  try {
    return readApps(apps);
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    throw invalidInput(error.issues.map((one) => ({ path: one.path, message: `It ${issueText(one)}.` })));
  }
}

/** As many as a schema error lists. */
const MAX_ERRORS = 20;

interface InvalidField {
  readonly path: DocumentIssue['path'];
  readonly message: string;
}

function invalidInput(fields: readonly InvalidField[]): Problem {
  const errors = fields.slice(0, MAX_ERRORS).map(({ path, message }) => ({
    pointer: path.map((one) => `/${String(one).replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
    code: 'invalid',
    detail: message,
  }));
  return new Problem('invalid', { errors });
}
