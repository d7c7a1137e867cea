import { First } from './0001-first.ts';
import { Clients } from './0002-clients.ts';
import { TokenSettings } from './0003-token-settings.ts';
import { Keys } from './0004-keys.ts';
import { Grants } from './0005-grants.ts';
import { Authorization } from './0006-authorization.ts';
import { FanOut } from './0007-spread.ts';
import { ExchangedPlaces } from './0008-exchanged-places.ts';
import { UsedGrants } from './0009-used-grants.ts';
import { PkceAndRepeats } from './0012-pkce-and-repeats.ts';
import { ImportedValues } from './0013-imported-values.ts';
import { ClientsOfDocuments } from './0014-clients-of-documents.ts';

/** Every migration in the one order in which they are applied. Names are kept by the database: never rename one. */
export const migrations = [
  { name: '0001-first', class: First },
  { name: '0002-clients', class: Clients },
  { name: '0003-token-settings', class: TokenSettings },
  { name: '0004-keys', class: Keys },
  { name: '0005-grants', class: Grants },
  { name: '0006-authorization', class: Authorization },
  { name: '0007-spread', class: FanOut },
  { name: '0008-exchanged-places', class: ExchangedPlaces },
  { name: '0009-used-grants', class: UsedGrants },
  { name: '0012-pkce-and-repeats', class: PkceAndRepeats },
  { name: '0013-imported-values', class: ImportedValues },
  { name: '0014-clients-of-documents', class: ClientsOfDocuments },
];
