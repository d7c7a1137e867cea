import {
  type Client,
  type ClientDocuments,
  checkRedirects,
  isDocumentClient,
  listClients,
  type RedirectRules,
  readAudiences,
} from '../../oauth/index.ts';
import { OWN_AUDIENCE } from '../../permissions/index.ts';
import type { Database } from '../../platform/database/index.ts';
import { DomainError, Failure } from '../../platform/errors.ts';
import { type Check, ok, warn } from './check.ts';

/** The settings that restrict clients. */
export interface ClientRules {
  readonly redirectRules: RedirectRules;
  readonly documents: Pick<ClientDocuments, 'admits'>;
  /** SIGNET_CLIENT_METADATA_APIS. */
  readonly documentApis: readonly string[];
}

const MAX_LISTED = 5;

/**
 * Finds clients that the current settings would not allow (docs/clients.md): settings are checked when a client is created, and end nothing
 * that exists.
 */
export async function checkClients(db: Database, { redirectRules, documents, documentApis }: ClientRules) {
  const name = 'clients';
  const clients = (await listClients(db.fork())).filter((one) => one.isActive);
  const documentClients = clients.filter(isDocumentClient);
  const checks: Check[] = [];

  const redirects = clients.flatMap((one) => {
    const uris = one.redirectUris.filter((uri) => !isAllowed(one, uri, redirectRules));
    return uris.length > 0 ? [`${nameAndId(one)} at ${shorten(uris)}`] : [];
  });
  if (redirects.length > 0)
    checks.push(
      warn(
        name,
        `Clients have redirect URIs that the current settings (SIGNET_REDIRECT_SCHEMES, SIGNET_ISSUER) do not allow: ${shorten(redirects)}.`,
        'Change the URIs (npx signet client update ID --redirect-uri URI), disable the clients (npx signet client disable ID), or change the settings.',
      ),
    );

  const unlistedClients = documentClients.filter((one) => !documents.admits(one.clientId)).map(nameAndId);
  if (unlistedClients.length > 0)
    checks.push(
      warn(
        name,
        `Clients of metadata documents whose hosts are not in SIGNET_CLIENT_METADATA_HOSTS sign in no users, but keep their consents: ${shorten(unlistedClients)}.`,
        'Disable them: npx signet client disable ID',
      ),
    );

  const isForDocuments = (audience: string) =>
    documentApis.includes('*') ? audience !== OWN_AUDIENCE : documentApis.includes(audience);
  const excessAudiences: string[] = [];
  for (const one of documentClients) {
    const { requests } = await readAudiences(db.fork(), one.id);
    const audiences = requests.filter((audience) => !isForDocuments(audience));
    if (audiences.length > 0) excessAudiences.push(`${nameAndId(one)} for ${shorten(audiences)}`);
  }
  if (excessAudiences.length > 0)
    checks.push(
      warn(
        name,
        `Clients of metadata documents keep APIs that are not in SIGNET_CLIENT_METADATA_APIS: ${shorten(excessAudiences)}.`,
        'End their grants (npx signet grant end --client ID), or disable them (npx signet client disable ID).',
      ),
    );
  return checks.length > 0 ? checks : [ok(name, 'The current settings allow every client.')];
}

/** Applies the check of a new client to one address. */
function isAllowed({ preset }: Client, uri: string, rules: RedirectRules): boolean {
  try {
    checkRedirects(preset, [uri], rules);
    return true;
  } catch (error) {
    if (error instanceof DomainError || error instanceof Failure) return false;
    throw error;
  }
}

/** Two dynamically registered clients may have the same name. */
function nameAndId({ name, clientId }: Client): string {
  return `${name} (${clientId})`;
}

/** Joins the first few. */
function shorten(texts: readonly string[]): string {
  return `${texts.slice(0, MAX_LISTED).join(', ')}${texts.length > MAX_LISTED ? ' and others' : ''}`;
}
