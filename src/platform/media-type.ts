import { MIMEType } from 'node:util';

/** A content type, or one range of an `Accept` field. */
export interface MediaType {
  /** `type/subtype`, in lower case. */
  readonly essence: string;
  /** By their names in lower case; values as they were meant, without quotes. */
  readonly parameters: ReadonlyMap<string, string>;
}

const token = String.raw`[\w!#$%&'*+.^\x60|~-]+`;
const quoted = String.raw`"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"`;
const parameter = `${token}=(?:${token}|${quoted})`;
const wellFormed = new RegExp(String.raw`^${token}/${token}(?:[\t ]*;(?:[\t ]*${parameter})?)*[\t ]*$`);
const parameters = new RegExp(String.raw`;[\t ]*${parameter}`, 'g');

/**
 * Reads a content type (RFC 9110 §8.3.1); null for what is none. Node's own parser reads it, and forgives what two readers
 * could take for two things: so it has to obey the grammar (§5.6.6), and name no parameter twice (RFC 6838 §4.3).
 */
export function readMediaType(field: string): MediaType | null {
  if (!wellFormed.test(field)) return null;
  const { essence, params } = new MIMEType(field);
  const values = new Map(params);
  const named = field.includes(';') ? [...field.matchAll(parameters)].length : 0;
  return named === values.size ? { essence, parameters: values } : null;
}

/** Elements of a list (RFC 9110 §5.6.1): what stands in quotes holds no separator. */
const element = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g;

/** What a field such as `Accept` names, in lower case, with the weight of each (§12.4.2). */
function weights(field: string, read: (element: string) => Weighted | null): Map<string, number> {
  const found = new Map<string, number>();
  for (const [text] of field.matchAll(element)) {
    const one = read(text.trim());
    if (one) found.set(one.name, one.weight);
  }
  return found;
}

interface Weighted {
  readonly name: string;
  readonly weight: number;
}

/** 1 when nothing is said. What is no weight is not asked for. */
function weight(q: string | undefined): number {
  if (q === undefined) return 1;
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(q) ? Number(q) : 0;
}

function mediaRange(text: string): Weighted | null {
  const range = readMediaType(text);
  return range && { name: range.essence, weight: weight(range.parameters.get('q')) };
}

/** A coding has one parameter: written as a subtype, it is read as media types are. */
function coding(text: string): Weighted | null {
  const range = readMediaType(`coding/${text}`);
  return range && { name: range.essence.slice('coding/'.length), weight: weight(range.parameters.get('q')) };
}

/**
 * How much a caller wants this type (RFC 9110 §12.5.1): the weight of the range that fits it best; 0 = not acceptable. Without the
 * field every type is.
 */
export function acceptedWeight(header: string | undefined, type: string): number {
  if (header === undefined) return 1;
  const ranges = weights(header, mediaRange);
  return ranges.get(type) ?? ranges.get(type.replace(/\/.*/, '/*')) ?? ranges.get('*/*') ?? 0;
}

/** Whether a caller names `type` itself, and wants it no less than `standard`, which is for everybody else: `*` names nothing. */
export function prefersNamed(header: string | undefined, type: string, standard: string): boolean {
  if (header === undefined) return false;
  const ranges = weights(header, mediaRange);
  const named = ranges.get(type) ?? 0;
  return named > 0 && named >= (ranges.get(standard) ?? 0);
}

/**
 * Whether an answer is to be compressed (RFC 9110 §12.5.3): gzip is taken, by name or by `*`, and the plain bytes are not liked
 * better. Who takes neither gets the plain bytes, as if nothing had been asked (§12.4.1).
 */
export function takesGzip(header: string | undefined): boolean {
  if (header === undefined) return false;
  const codings = weights(header, coding);
  const others = codings.get('*') ?? 0;
  // RFC 9110 §8.4.1.3: `x-gzip` is the same.
  const gzip = codings.get('gzip') ?? codings.get('x-gzip') ?? others;
  return gzip > 0 && gzip >= (codings.get('identity') ?? others);
}
