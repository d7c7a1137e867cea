/** What a server is asked, by a load or once. */
export interface PlannedRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The body of the connection's next request, out of the answer to this one; undefined: the same again. */
  readonly next?: (answer: string) => string | undefined;
}

export function request(
  method: PlannedRequest['method'],
  path: string,
  options: { headers?: Record<string, string>; json?: unknown; form?: Record<string, string> } = {},
): PlannedRequest {
  const { headers = {}, json, form } = options;
  if (json !== undefined)
    return { method, path, headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(json) };
  if (form === undefined) return { method, path, headers };
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  return { method, path, headers: { ...headers, ...type }, body: new URLSearchParams(form).toString() };
}

/** RFC 6749 §2.3.1. Ids and secrets of the bench need no form encoding. */
export function basic(id: string, secret: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` };
}
