import { quote } from '../../platform/text.ts';

/** What came, in its order: names may be there twice. */
export type Pairs = readonly (readonly [name: string, value: string])[];

/** The parameters of an authorization request, sorted out. */
export interface Parameters {
  /** Each that is known, there once, and not empty. */
  readonly values: Readonly<Partial<Record<ParameterName, string>>>;
  /** What is wrong with those that are not among the values. */
  readonly faults: ReadonlyMap<string, string>;
  /** Which of those are longer than is taken. */
  readonly tooLong: ReadonlySet<string>;
}

const names = [
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
export type ParameterName = (typeof names)[number];

/** In characters: an ID token as a hint has some two thousand, a state made by a framework a few hundred. */
const LONGEST: Readonly<Partial<Record<ParameterName, number>>> = { nonce: 1024, id_token_hint: 16_384 };
const LONGEST_OF_OTHERS = 8192;
/** What may have to be kept for half an hour, for anybody who asks. */
const LONGEST_TOGETHER = 20_480;

/** RFC 6749 §3.1: an empty value is no value, a name that nobody knows is ignored, and none may be there twice. */
export function parseParameters(pairs: Pairs): Parameters {
  const values: Partial<Record<ParameterName, string>> = {};
  const faults = new Map<string, string>();
  const tooLong = new Set<string>();
  const seen = new Set<string>();
  const refuseLong = (name: string, where = '') => {
    tooLong.add(name);
    faults.set(name, `The parameter ${name} is too long${where}.`);
  };
  for (const [name, value] of pairs) {
    if (seen.has(name)) faults.set(name, `The parameter ${quote(name)} is there twice.`);
    seen.add(name);
    if (!isKnown(name) || value === '') continue;
    if (value.length > (LONGEST[name] ?? LONGEST_OF_OTHERS)) refuseLong(name);
    values[name] = value;
  }
  const [longest] = Object.entries(values).sort(([, a], [, b]) => b.length - a.length);
  if (longest && Object.values(values).join('').length > LONGEST_TOGETHER) refuseLong(longest[0], ' beside the others');
  for (const name of faults.keys()) if (isKnown(name)) delete values[name];
  return { values, faults, tooLong };
}

function isKnown(name: string): name is ParameterName {
  return (names as readonly string[]).includes(name);
}

/** Of a request that was sorted out when it was stored. */
export function createParameters(values: Parameters['values']): Parameters {
  return { values, faults: new Map(), tooLong: new Set() };
}
