import { isStorable } from '../../platform/casefold.ts';
import { decodeJsonPart } from '../../platform/jws.ts';

/** How a refusal reaches its client. */
export interface ResponseHints {
  readonly state: string | undefined;
  readonly responseMode: string | undefined;
}

const none: ResponseHints = { state: undefined, responseMode: undefined };

/**
 * What a request object says of its answer. None is taken here (OIDC Core §6), but its client has put `state` and `response_mode` into
 * it alone (§6.1), and would not hear the refusal elsewhere. Nothing is verified: it says no more than could stand beside it.
 */
export function readResponseHints(request: string | undefined): ResponseHints {
  const [, payload] = /^[\w-]+\.([\w-]+)\.[\w-]*$/.exec(request ?? '') ?? [];
  if (payload === undefined) return none;
  const { state, response_mode: mode } = decodeJsonPart(payload) ?? {};
  return { state: readText(state), responseMode: readText(mode) };
}

/** What a form or a query could hold: by JSON there may be half a character, which no URL takes. */
function readText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && isStorable(value) ? value : undefined;
}
