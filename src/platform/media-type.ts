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
