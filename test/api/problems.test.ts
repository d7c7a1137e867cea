import { domainProblem, problemWords } from '../../src/api/index.ts';
import { invalidFields } from '../../src/api/problems.ts';
import { repeatedNameError } from '../../src/oauth/errors.ts';
import { DomainError } from '../../src/platform/errors.ts';
import { type App, createServer, oauthScope } from '../../src/platform/http/index.ts';
import { createLog } from '../../src/platform/telemetry/index.ts';
import { type FieldError, userError } from '../../src/users/index.ts';
import t from '../support/tap.ts';

async function createRoutes() {
  const app = createServer({
    log: createLog('silent'),
    trustProxy: [],
    hosts: null,
    hashWaitMilliseconds: 0,
    basePath: '',
    describeRefusal: () => ({ client: null, remedy: null, isShown: false }),
    domainProblem,
    problemWords,
  });
  const refusals = {
    missing: userError('user_not_found', { username: 'mallory', near: 'molly' }),
    unexpected: userError('user_id_invalid', { id: 'mallory' }),
    unknown: new DomainError('of_another_room', { name: 'mallory' }),
  };
  const mount = (scope: App, path: string) => {
    for (const [name, refusal] of Object.entries(refusals))
      scope.get(`${path}/${name}`, async () => {
        throw refusal;
      });
  };
  mount(app, '/api');
  await app.register(async (scope: App) => {
    oauthScope(scope, repeatedNameError);
    mount(scope, '/oauth');
  });
  return app;
}

t.test('docs/errors.md: a refusal that no route handles is a problem by its code, and says nothing more', async (t) => {
  const app = await createRoutes();
  for (const [path, status, code] of [
    ['/api/missing', 404, 'not_found'],
    ['/api/unexpected', 500, 'internal'],
    ['/api/unknown', 500, 'internal'],
    ['/oauth/missing', 400, 'invalid_request'],
    ['/oauth/unexpected', 500, 'server_error'],
  ] as const) {
    const response = await app.inject(path);
    const { code: problem, error = problem } = response.json();
    t.same([response.statusCode, error], [status, code], path);
    t.notMatch(response.body, /mallory|molly|user_/, `${path}: no code and no parameter of the domain`);
  }
  await app.close();
});

t.test('docs/errors.md: every error of a field has a text for people, with its limit', async (t) => {
  const texts: [FieldError, string][] = [
    [{ pointer: '/username', code: 'required' }, 'A username is required.'],
    [{ pointer: '/username', code: 'max_length', params: { max: 150 } }, 'A username can have at most 150 characters.'],
    [
      { pointer: '/username', code: 'invalid' },
      'A username can contain only letters, digits and . + - _ and cannot begin with -.',
    ],
    [
      { pointer: '/username', code: 'reserved' },
      'A username cannot look like an id (a UUID), begin with c_ or https:// as client ids do, or be "signet".',
    ],
    [{ pointer: '/username', code: 'unique' }, 'A user with that username already exists.'],
    [{ pointer: '/email', code: 'invalid' }, 'This is not an e-mail address. Enter one such as name@example.org.'],
    [{ pointer: '/email', code: 'required' }, 'There is no e-mail address to verify. Add one first.'],
    [{ pointer: '/email', code: 'unique' }, 'This e-mail address is verified for another user. Use another address.'],
    [
      { pointer: '/first_name', code: 'max_length', params: { max: 150 } },
      'A first name can have at most 150 characters.',
    ],
    [
      { pointer: '/last_name', code: 'invalid' },
      'A last name cannot contain control characters or invisible characters.',
    ],
    [
      { pointer: '/password', code: 'password_too_short', params: { min_length: 15 } },
      'This password is too short. It must contain at least 15 characters.',
    ],
    [
      { pointer: '/password', code: 'password_too_short', params: { min_length: 1 } },
      'This password is too short. It must contain at least 1 character.',
    ],
    [
      { pointer: '/password', code: 'password_too_long', params: { max_length: 1024 } },
      'This password is too long. It must contain at most 1,024 characters.',
    ],
    [{ pointer: '/password', code: 'password_too_common' }, 'This password is too common.'],
    [{ pointer: '/password', code: 'password_entirely_numeric' }, 'This password is entirely numeric.'],
    ...(
      [
        ['username', 'username'],
        ['first_name', 'first name'],
        ['last_name', 'last name'],
        ['email', 'e-mail address'],
      ] as const
    ).map(([attribute, name]): [FieldError, string] => [
      { pointer: '/password', code: 'password_too_similar', params: { attribute } },
      `The password is too similar to the ${name}.`,
    ]),
  ];
  const { errors = [] } = invalidFields(texts.map(([error]) => error)).body(problemWords);
  t.same(
    errors,
    texts.map(([{ pointer, code }, detail]) => ({ pointer, code, detail })),
  );
});

t.test('docs/errors.md: the pointer of an error is the name that the route gives the field', async (t) => {
  const wrong = { pointer: '/password', code: 'password_too_common' } as const;
  const problem = invalidFields([wrong, { pointer: '/email', code: 'invalid' }], { '/password': '/new_password' });
  t.match(problem.body(problemWords), {
    status: 422,
    code: 'invalid',
    errors: [
      { pointer: '/new_password', code: 'password_too_common' },
      { pointer: '/email', code: 'invalid' },
    ],
  });
});
