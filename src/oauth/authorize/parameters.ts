import { isStorable } from '../../platform/casefold.ts';
import { decodeJsonPart } from '../../platform/jws.ts';

/** Name and value pairs as sent, in order: a name may occur twice. */
export type Pairs = readonly (readonly [name: string, value: string])[];

/** The parameters of an authorization request, validated one by one. */
export interface Parameters {
  /** The known parameters that occur once and are not empty. */
  readonly values: Readonly<Partial<Record<ParameterName, string>>>;
  /** What is wrong with the other parameters, by name. */
  readonly faults: ReadonlyMap<string, ParameterFault>;
  /** Names of the parameters that are too long. */
  readonly tooLong: ReadonlySet<string>;
}

/** `too_long_together`: the longest of parameters that are too long together. */
export type ParameterFault = 'repeated' | 'too_long' | 'too_long_together';

const PARAMETER_NAMES = [
  'acr_values',
  'audience',
  'claims',
  'client_id',
  'code_challenge',
  'code_challenge_method',
  'dpop_jkt',
  'id_token_hint',
  'login_hint',
  'max_age',
  'nonce',
  'prompt',
  'redirect_uri',
  'registration',
  'request',
  'request_uri',
  'resource',
  'response_mode',
  'response_type',
  'scope',
  'state',
] as const;
export type ParameterName = (typeof PARAMETER_NAMES)[number];

/** In characters: an ID token as a hint has some two thousand, the state of a framework a few hundred. */
const MAX_LENGTH: Readonly<Partial<Record<ParameterName, number>>> = { nonce: 1024, id_token_hint: 16_384 };
const DEFAULT_MAX_LENGTH = 8192;
/** Of all values: a request is stored for up to half an hour, without any sign-in. */
const MAX_TOTAL_LENGTH = 20_480;

/** RFC 6749 §3.1: an empty value counts as absent, an unknown name is ignored, and no name may occur twice. */
export function parseParameters(pairs: Pairs): Parameters {
  const values: Partial<Record<ParameterName, string>> = {};
  const faults = new Map<string, ParameterFault>();
  const tooLong = new Set<string>();
  const previous = new Set<string>();
  const markTooLong = (name: string, fault: ParameterFault) => {
    tooLong.add(name);
    faults.set(name, fault);
  };
  for (const [name, value] of pairs) {
    if (previous.has(name)) faults.set(name, 'repeated');
    previous.add(name);
    if (!isParameterName(name) || value === '') continue;
    if (value.length > (MAX_LENGTH[name] ?? DEFAULT_MAX_LENGTH)) markTooLong(name, 'too_long');
    values[name] = value;
  }
  const [longest] = Object.entries(values).sort(([, a], [, b]) => b.length - a.length);
  if (longest && Object.values(values).join('').length > MAX_TOTAL_LENGTH) markTooLong(longest[0], 'too_long_together');
  for (const name of faults.keys()) if (isParameterName(name)) delete values[name];
  return { values, faults, tooLong };
}

function isParameterName(name: string): name is ParameterName {
  return (PARAMETER_NAMES as readonly string[]).includes(name);
}

/** Returns the parameters of a stored request, which were validated when it was stored. */
export function createParameters(values: Parameters['values']): Parameters {
  return { values, faults: new Map(), tooLong: new Set() };
}

/** Parameters of a request object that say how an error reaches the client. */
export interface ResponseHints {
  readonly state: string | undefined;
  readonly responseMode: string | undefined;
}

/**
 * Reads `state` and `response_mode` of a request object. Request objects are refused (OIDC Core §6), but a client may send these two only
 * in there (§6.1) and would not recognise the error without them. The signature is not verified: outside the object they need none.
 */
export function readResponseHints(request: string | undefined): ResponseHints {
  const [, payload] = /^[\w-]+\.([\w-]+)\.[\w-]*$/.exec(request ?? '') ?? [];
  const { state, response_mode: mode } = (payload === undefined ? null : decodeJsonPart(payload)) ?? {};
  return { state: readText(state), responseMode: readText(mode) };
}

/** A text that a form or a query could carry: JSON may contain half a surrogate pair, which no URL can. */
function readText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && isStorable(value) ? value : undefined;
}
