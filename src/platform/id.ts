/** What PostgreSQL reads as a uuid: hyphens after any group of four, capitals and braces alike. */
const uuid = /^(?:[0-9a-f]{4}(?:-?[0-9a-f]{4}){7}|\{[0-9a-f]{4}(?:-?[0-9a-f]{4}){7}\})$/i;

/** The one spelling of the id that a text is in any spelling; null for what is no id. */
export function readId(text: string): string | null {
  if (!uuid.test(text)) return null;
  const hex = text.replace(/[{}-]/g, '').toLowerCase();
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
