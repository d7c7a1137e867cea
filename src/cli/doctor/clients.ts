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
import { Failure } from '../../platform/errors.ts';
import { type Check, ok, warn } from './check.ts';

/** What the settings say of clients. */
export interface Admission {
  readonly redirectRules: RedirectRules;
  readonly documents: Pick<ClientDocuments, 'admits'>;
  /** SIGNET_CLIENT_METADATA_APIS. */
  readonly documentApis: readonly string[];
}

const SHOWN = 5;

/**
 * Clients that could not be made, or not so, by the settings of today (docs/clients.md): a setting is asked when something is made,
 * and ends nothing that exists.
 */
export async function checkClients(db: Database, { redirectRules, documents, documentApis }: Admission) {
  const name = 'clients';
  const clients = (await listClients(db.fork())).filter((one) => one.isActive);
  const ofDocuments = clients.filter(isDocumentClient);
  const checks: Check[] = [];

  const redirects = clients.flatMap((one) => {
    const uris = one.redirectUris.filter((uri) => !isAdmitted(one, uri, redirectRules));
    return uris.length > 0 ? [`${named(one)} at ${shorten(uris)}`] : [];
  });
  if (redirects.length > 0)
    checks.push(
      warn(
        name,
        `Clients are answered where the settings of today admit nobody (SIGNET_REDIRECT_SCHEMES, SIGNET_ISSUER): ${shorten(redirects)}.`,
        'Give them other addresses (npx signet client update ID --redirect-uri URI), end them (npx signet client disable ID), or set it again.',
      ),
    );

  const strangers = ofDocuments.filter((one) => !documents.admits(one.clientId)).map(named);
  if (strangers.length > 0)
    checks.push(
      warn(
        name,
        `Clients of metadata documents whose hosts SIGNET_CLIENT_METADATA_HOSTS does not name sign nobody in any more, and keep what users have agreed to: ${shorten(strangers)}.`,
        'End that too: npx signet client disable ID',
      ),
    );

  const isForDocuments = (audience: string) =>
    documentApis.includes('*') ? audience !== OWN_AUDIENCE : documentApis.includes(audience);
  const beyond: string[] = [];
  for (const one of ofDocuments) {
    const { requests } = await readAudiences(db.fork(), one.id);
    const audiences = requests.filter((audience) => !isForDocuments(audience));
    if (audiences.length > 0) beyond.push(`${named(one)} for ${shorten(audiences)}`);
  }
  if (beyond.length > 0)
    checks.push(
      warn(
        name,
        `Clients of metadata documents keep APIs that SIGNET_CLIENT_METADATA_APIS does not name: ${shorten(beyond)}.`,
        'End their grants: npx signet grant end --client ID, or disable them: npx signet client disable ID',
      ),
    );
  return checks.length > 0 ? checks : [ok(name, 'Every one could be made by the settings of today.')];
}

/** The check of a client that is made, of one address. */
function isAdmitted({ preset }: Client, uri: string, rules: RedirectRules): boolean {
  try {
    checkRedirects(preset, [uri], rules);
    return true;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}

/** Two that registered themselves may have one name. */
function named({ name, clientId }: Client): string {
  return `${name} (${clientId})`;
}

/** The first few. */
function shorten(texts: readonly string[]): string {
  return `${texts.slice(0, SHOWN).join(', ')}${texts.length > SHOWN ? ' and others' : ''}`;
}
