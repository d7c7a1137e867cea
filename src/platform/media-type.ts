import { MIMEType } from 'node:util';

/** A content type, or one media range of an `Accept` field. */
export interface MediaType {
  /** `type/subtype`, in lower case. */
  readonly essence: string;
  /** By name in lower case; values are unquoted. */
  readonly parameters: ReadonlyMap<string, string>;
}

const token = String.raw`[\w!#$%&'*+.^\x60|~-]+`;
const quoted = String.raw`"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"`;
const parameter = `${token}=(?:${token}|${quoted})`;
const wellFormed = new RegExp(String.raw`^${token}/${token}(?:[\t ]*;(?:[\t ]*${parameter})?)*[\t ]*$`);
const parameters = new RegExp(String.raw`;[\t ]*${parameter}`, 'g');

/**
 * Parses a content type (RFC 9110 §8.3.1); returns null if it is invalid. Node's parser accepts input that two readers could interpret
 * differently, so the field must also match the grammar (§5.6.6) and name no parameter twice (RFC 6838 §4.3).
 */
export function readMediaType(field: string): MediaType | null {
  if (!wellFormed.test(field)) return null;
  const { essence, params } = new MIMEType(field);
  const values = new Map(params);
  const parameterCount = field.includes(';') ? [...field.matchAll(parameters)].length : 0;
  return parameterCount === values.size ? { essence, parameters: values } : null;
}

/** List elements (RFC 9110 §5.6.1): quoted text contains no separator. */
const element = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g;

/**
 * Returns the names in a field such as `Accept`, in lower case, with their weights (RFC 9110 §12.4.2). Not by the package
 * negotiator: it takes malformed weights (`q=2`, `q=1e0`), and does not say whether a type was named or matched a wildcard.
 */
function weights(field: string, read: (element: string) => Weighted | null): Map<string, number> {
  const weightsByName = new Map<string, number>();
  for (const [text] of field.matchAll(element)) {
    const one = read(text.trim());
    if (one) weightsByName.set(one.name, one.weight);
  }
  return weightsByName;
}

interface Weighted {
  readonly name: string;
  readonly weight: number;
}

/** Returns 1 if there is no weight, and 0 (not acceptable) for a malformed one. */
function weight(q: string | undefined): number {
  if (q === undefined) return 1;
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(q) ? Number(q) : 0;
}

function mediaRange(text: string): Weighted | null {
  const range = readMediaType(text);
  return range && { name: range.essence, weight: weight(range.parameters.get('q')) };
}

/** A content coding takes one parameter: it is parsed as a media subtype. */
function coding(text: string): Weighted | null {
  const range = readMediaType(`coding/${text}`);
  return range && { name: range.essence.slice('coding/'.length), weight: weight(range.parameters.get('q')) };
}

/** Returns the weight of the range that fits this type best (RFC 9110 §12.5.1); 0 = not acceptable. Without the field every type is acceptable. */
export function acceptedWeight(header: string | undefined, type: string): number {
  if (header === undefined) return 1;
  const ranges = weights(header, mediaRange);
  return ranges.get(type) ?? ranges.get(type.replace(/\/.*/, '/*')) ?? ranges.get('*/*') ?? 0;
}

/** Returns whether a caller names `type` itself and prefers it at least as much as `standard`, the default. Wildcards do not count. */
export function prefersNamed(header: string | undefined, type: string, standard: string): boolean {
  if (header === undefined) return false;
  const ranges = weights(header, mediaRange);
  const named = ranges.get(type) ?? 0;
  return named > 0 && named >= (ranges.get(standard) ?? 0);
}

/**
 * Returns whether to compress the response (RFC 9110 §12.5.3): gzip is accepted, by name or by `*`, and identity is not preferred. A caller
 * that accepts neither gets identity, as if the field were absent (§12.4.1).
 */
export function takesGzip(header: string | undefined): boolean {
  if (header === undefined) return false;
  const codings = weights(header, coding);
  const others = codings.get('*') ?? 0;
  // RFC 9110 §8.4.1.3: `x-gzip` is equivalent to gzip.
  const gzip = codings.get('gzip') ?? codings.get('x-gzip') ?? others;
  return gzip > 0 && gzip >= (codings.get('identity') ?? others);
}
