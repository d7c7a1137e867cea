import { casefoldName } from '../platform/casefold.ts';
import { parseUuid } from '../platform/text.ts';

/** Names of what Signet is itself: its API, and the client of its own login. */
export const BUILT_IN = ['signet'];

/**
 * Why a name means something else wherever names and ids are both taken, so that nobody may have it: it looks like an id, in any spelling that
 * `parseUuid` takes, like a client's id (generated, or the address of a metadata document), or is a name of Signet's own. Null for any other.
 */
export function reservedName(name: string): 'looks like an id' | 'looks like a client id' | 'is reserved' | null {
  const folded = casefoldName(name);
  if (parseUuid(folded)) return 'looks like an id';
  if (folded.startsWith('c_') || folded.startsWith('https://')) return 'looks like a client id';
  return BUILT_IN.includes(folded) ? 'is reserved' : null;
}
