import { once } from 'node:events';
import { METHODS } from 'node:http';
import { connect } from 'node:net';
import { Writable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { logOptions } from '../../src/platform/telemetry/index.ts';
import { openTestEmbedded } from '../support/database.ts';
import { startApp } from '../support/server.ts';
import t, { type Test } from '../support/tap.ts';

// What anybody may send. Each of these is answered, or hung up on, and none of them is a fault of ours.

interface Line {
  readonly level: number;
  readonly msg: string;
}

const lines: Line[] = [];
const log = pino(
  logOptions('trace'),
  new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(JSON.parse(chunk.toString()) as Line);
      done();
    },
  }),
);

const db = await openTestEmbedded();
const { app } = await startApp(db, { log });
await app.listen({ host: '127.0.0.1', port: 0 });
t.teardown(async () => {
  await app.close();
  await db.close();
});
const { port } = app.server.address() as { port: number };

/** No line since then is an error, nor has a stack: what callers do wrong is no fault of ours. */
function nothingAlarming(t: Test, from: number, what: string): void {
  const alarming = lines.slice(from).filter((line) => line.level > 30 || JSON.stringify(line).includes('"stack"'));
  t.same(alarming, [], `${what}: nothing in the log but what happened`);
}

/** Sends these bytes; the first answer's text, '' when the server hangs up without one. */
async function raw(bytes: string | Buffer, hangUp = false): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    socket.end();
  });
  socket.on('error', () => {});
  const closed = once(socket, 'close');
  socket.write(bytes);
  if (hangUp) {
    // The request has come when the server has another connection, of later, in its hands.
    socket.resetAndDestroy();
    await closed;
    await raw('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
  } else await closed;
  return text;
}

const status = (answer: string) => Number(answer.slice(9, 12));
const get = (head: string) => `GET /health/live HTTP/1.1\r\n${head}\r\n`;

t.test(
  'RFC 9112 §3.2, RFC 3986 §3.2.2: a request with no Host, two of them, or one that cannot be read is 400',
  async (t) => {
    for (const host of [
      '',
      'Host:\r\n',
      'Host: localhost\r\nHost: localhost\r\n',
      'Host: localhost\r\nhost: 127.0.0.1\r\n',
      'Host: localhost, 127.0.0.1\r\n',
      'Host: local host\r\n',
      'Host: localhost/x\r\n',
      'Host: a@localhost\r\n',
      'Host: localhost:x\r\n',
      'Host: localhost:400000\r\n',
      'Host: [::1\r\n',
      'Host: ::1\r\n',
      'Host: http://localhost\r\n',
      'Host: localhost?\r\n',
      'Host: l\u00f6calhost\r\n',
      `Host: ${'a'.repeat(300)}\r\n`,
    ]) {
      const from = lines.length;
      const answer = await raw(get(host));
      t.same([status(answer), /"code":"bad_request"/.test(answer)], [400, true], JSON.stringify(host));
      nothingAlarming(t, from, host);
    }
    for (const host of ['localhost', 'LOCALHOST', 'localhost:4000', '127.0.0.1', '[::1]:4000', ' localhost '])
      t.equal(status(await raw(get(`Host: ${host}\r\n`))), 200, host);
    t.equal(status(await raw('GET /health/live HTTP/1.0\r\n\r\n')), 421, 'HTTP/1.0 has no Host; development wants one');
  },
);

t.test(
  'RFC 9110 §5.3: a field that may stand there once and stands there twice is not read as the first',
  async (t) => {
    const post = (head: string) =>
      raw(`POST /oauth2/introspect HTTP/1.1\r\nHost: localhost\r\n${head}Content-Length: 7\r\n\r\ntoken=x`);
    const form = 'Content-Type: application/x-www-form-urlencoded\r\n';
    t.equal(status(await post(`${form}${form}`)), 415, 'Content-Type');
    t.equal(status(await post(`${form}content-type: application/json\r\n`)), 415, 'another Content-Type');
    const basic = `Authorization: Basic ${btoa('a:b')}\r\n`;
    t.match(await post(`${form}${basic}`), /"invalid_client"/);
    t.match(await post(`${form}${basic}${basic}`), /^HTTP\/1.1 40[01] /, 'Authorization');
    const authorized = (head: string) => raw(`GET /oauth2/userinfo HTTP/1.1\r\nHost: localhost\r\n${head}\r\n`);
    t.match(await authorized('Authorization: Bearer a\r\nAuthorization: Bearer b\r\n'), /^HTTP\/1.1 40[01] /);
  },
);

t.test(
  'RFC 9110 §15.5.6: every other method is 405 where there is something, 404 where there is nothing, whatever its body',
  async (t) => {
    const bodies = [
      '',
      'Content-Type: application/json\r\nContent-Length: 1\r\n\r\n{',
      'Content-Type: ;\r\nContent-Length: 1\r\n\r\n{',
    ];
    for (const method of METHODS) {
      if (method === 'CONNECT') continue;
      for (const body of bodies) {
        const from = lines.length;
        const send = (path: string) =>
          raw(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${body === '' ? '\r\n' : body}`);
        if (!['GET', 'HEAD'].includes(method)) {
          // A public document answers preflights: OPTIONS is tried where nothing does.
          const answer = await send(method === 'OPTIONS' ? '/health/live' : '/.well-known/jwks.json');
          t.match(answer, /^HTTP\/1.1 405 .*allow: [^\r]*GET/is, `${method} ${body}`);
        }
        t.equal(status(await send('/nowhere')), 404, `${method} ${body} of nothing`);
        nothingAlarming(t, from, method);
      }
    }
    t.equal(status(await raw('QUERY /oauth2/token HTTP/1.1\r\nHost: localhost\r\n\r\n')), 405);
    t.equal(await raw('CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n'), '', 'no tunnel, no answer');
  },
);

t.test('errors.md: what is no HTTP, breaks off or asks in vain is answered, and is no error of ours', async (t) => {
  const post = (path: string, head: string, body: string) =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${path.startsWith('/api') ? 'application/json' : 'application/x-www-form-urlencoded'}\r\n${head}\r\n${body}`;
  const paths = ['/api/v1/login', '/oauth2/token', '/login', '/oauth2/authorize', '/setup'];
  const broken: [what: string, bytes: string, statuses: number[]][] = [
    ['no HTTP', 'hello\r\n\r\n', [400]],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', [400]],
    ['another version', 'GET / HTTP/3.0\r\nHost: localhost\r\n\r\n', [400, 505]],
    ['a head without end', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}`, [431]],
    ['a path that cannot be decoded', 'GET /%ff HTTP/1.1\r\nHost: localhost\r\n\r\n', [400]],
    ['a query that cannot be decoded', 'GET /login?next=%ff HTTP/1.1\r\nHost: localhost\r\n\r\n', [400]],
    ['the past', 'GET /status-lists/1?time=1 HTTP/1.1\r\nHost: localhost\r\n\r\n', [501]],
    ['the past, of no time', 'GET /status-lists/1?time= HTTP/1.1\r\nHost: localhost\r\n\r\n', [501]],
    ['no list', 'GET /status-lists/9999999 HTTP/1.1\r\nHost: localhost\r\n\r\n', [404]],
    ['no type of ours', 'GET /status-lists/1 HTTP/1.1\r\nHost: localhost\r\nAccept: a/b\r\n\r\n', [406]],
    [
      'another protocol',
      'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
      [200],
    ],
    ['an expectation', 'GET / HTTP/1.1\r\nHost: localhost\r\nExpect: miracles\r\n\r\n', [200, 417]],
  ];
  for (const path of paths)
    broken.push(
      [`${path}: a chunk without length`, post(path, 'Transfer-Encoding: chunked\r\n', 'zz\r\n'), [400]],
      [`${path}: a coding nobody knows`, post(path, 'Transfer-Encoding: gzip\r\n', 'x'), [400, 501]],
      [`${path}: two lengths`, post(path, 'Content-Length: 1\r\nContent-Length: 2\r\n', '{}'), [400]],
      [
        `${path}: length and chunks`,
        post(path, 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
        [400],
      ],
      [`${path}: no length`, post(path, 'Content-Length: -1\r\n', ''), [400]],
      [`${path}: too much`, post(path, 'Content-Length: 99999999999\r\n', '{'), [413]],
    );
  for (const [what, bytes, statuses] of broken) {
    const from = lines.length;
    const answer = await raw(Buffer.from(bytes, 'latin1'));
    t.ok(statuses.includes(status(answer)), `${what}: ${answer.slice(0, 15)}`);
    nothingAlarming(t, from, what);
  }
  for (const path of paths)
    for (const [what, head, body] of [
      ['its body broken off', 'Content-Length: 100\r\n', '{"username":'],
      ['its chunks broken off', 'Transfer-Encoding: chunked\r\n', '5\r\n{"use'],
      ['no body yet', 'Content-Length: 100\r\n', ''],
    ] as const) {
      const from = lines.length;
      await raw(post(path, head, body), true);
      nothingAlarming(t, from, `${path}, ${what}`);
    }
});

t.test(
  'attacks 95 (RFC 9110 §8.3.1, §15.5.16, RFC 8259 §11): every spelling of the type is read as that type, or is 415 that names it',
  async (t) => {
    const json = 'application/json';
    const form = 'application/x-www-form-urlencoded';
    const faces = [
      { url: '/api/v1/login', type: json, body: '{"username":"a"}', read: 422 },
      { url: '/api/v1/signup', type: json, body: '{"username":"a"}', read: 422 },
      { url: '/oauth2/token', type: form, body: 'grant_type=x', read: 401 },
      { url: '/oauth2/introspect', type: form, body: 'token=x', read: 401 },
      { url: '/oauth2/par', type: form, body: 'client_id=x', read: 401 },
      { url: '/login', type: form, body: 'username=a&username=b', read: 400 },
      { url: '/oauth2/authorize', type: form, body: 'client_id=x', read: 400 },
    ];
    const send = (url: string, type: string | undefined, payload: string | Buffer, more = {}) =>
      app.inject({
        method: 'POST',
        url,
        payload,
        headers: { ...(type === undefined ? {} : { 'content-type': type }), ...more },
      });
    for (const { url, type, body, read } of faces) {
      const from = lines.length;
      for (const spelled of [
        type,
        type.toUpperCase(),
        `${type};`,
        `${type} ; `,
        `${type}; charset=utf-8`,
        `${type}; charset="utf-8"`,
        `${type};CHARSET="UTF-8";`,
        `${type}; charset=us-ascii`,
        `${type}; odata=verbose`,
        `${type}; x="a;b"; charset=utf-8`,
      ])
        t.equal((await send(url, spelled, body)).statusCode, read, `${url} ${spelled}`);
      const other = type === json ? form : json;
      for (const spelled of [
        other,
        'text/plain',
        'multipart/form-data; boundary=x',
        '*/*',
        '',
        ` ${type}x`,
        `${type}, ${type}`,
        `${type}\ta`,
        `${type} charset=utf-8`,
        `${type}; charset`,
        `${type}; charset=utf-16`,
        `${type}; charset=iso-8859-1`,
        `${type}; charset="utf-8`,
        `${type}; charset=utf-8; charset=utf-16`,
        `${type}; charset=utf-16; charset=utf-8`,
      ]) {
        const answer = await send(url, spelled, body);
        t.equal(answer.statusCode, 415, `${url} ${JSON.stringify(spelled)}`);
        t.ok(answer.body.includes(`Send ${type}`), `${url} ${JSON.stringify(spelled)}: ${answer.body.slice(0, 200)}`);
      }
      t.equal((await send(url, undefined, body)).statusCode, 415, `${url} without a type`);
      for (const coding of ['gzip', 'GZIP', 'deflate', 'br', 'identity, gzip', '*']) {
        const packed = await send(url, type, gzipSync(body), { 'content-encoding': coding });
        t.same([packed.statusCode, packed.headers['accept-encoding']], [415, 'identity'], `${url} ${coding}`);
      }
      t.equal((await send(url, type, body, { 'content-encoding': 'Identity' })).statusCode, read, `${url} identity`);
      nothingAlarming(t, from, url);
    }
    t.match((await send('/oauth2/token', json, '{}')).json(), { error: 'invalid_request', error_description: String });
  },
);
