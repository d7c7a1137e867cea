import { Type } from 'typebox';
import type { Passwords } from '../../passwords/index.ts';
import type { Database } from '../../platform/database/index.ts';
import { type App, acceptForms, type Reply, tryLater } from '../../platform/http/index.ts';
import type { Clock } from '../../platform/time.ts';
import { createAdministrator, isSetupOpen } from '../../signin/index.ts';
import { type Html, html } from '../../ui/html.ts';
import { field } from '../../ui/layout.ts';
import { fieldText, message } from '../../ui/messages.ts';
import { htmlResponse, render } from '../../ui/render.ts';
import type { FieldError } from '../../users/index.ts';

export interface SetupPageDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly passwords: Passwords;
  readonly passwordMinLength: number;
  readonly issuer: string;
}

const operation = { tags: ['pages'], security: [] };
const goneResponse = htmlResponse('The link was used, is older than a day, or there is an administrator already.');

/** The pages of a setup link, which creates the first administrator. */
export async function setupPages(app: App, deps: SetupPageDeps): Promise<void> {
  acceptForms(app);

  const setup = {
    operationId: 'showSetup',
    summary: 'The form of a setup link, shown any number of times',
    ...operation,
    querystring: Type.Object({ token: Type.Optional(Type.String()) }),
    response: { 200: htmlResponse('The form.'), 410: goneResponse },
  };
  app.get('/setup', { schema: { ...setup, problems: ['unavailable'] } }, async (request, reply) => {
    const { token = '' } = request.query;
    if (!(await isSetupOpen(deps.db.fork(), token, deps.clock.now()))) return showGone(deps, reply);
    return render(reply, 200, 'Create your administrator', setupForm(deps, token, {}, []));
  });

  const redemption = {
    operationId: 'redeemSetup',
    summary: 'Make the first superuser, once',
    ...operation,
    form: Type.Object({
      token: Type.String(),
      username: Type.String(),
      email: Type.Optional(Type.String()),
      password: Type.String(),
    }),
    response: {
      201: htmlResponse('The administrator is ready.'),
      410: goneResponse,
      422: htmlResponse('The form again, with what is wrong.'),
    },
  };
  app.post(
    '/setup',
    { schema: { ...redemption, problems: ['cross_origin', 'busy', 'unavailable'] } },
    async (request, reply) => {
      const { token = '', username = '', email = '', password = '' } = (request.body ?? {}) as Record<string, string>;
      // Checked first, so that a used link costs no hash and reveals no names.
      if (!(await isSetupOpen(deps.db.fork(), token, deps.clock.now()))) return showGone(deps, reply);
      const result = await createAdministrator(deps, { token, username, email, password }, request.id);
      if (result.kind === 'busy') throw tryLater('busy', result.retryAfterSeconds);
      if (result.kind === 'gone') return showGone(deps, reply);
      if (result.kind === 'created')
        return render(reply, 201, 'Your administrator is ready', setupDone(deps.issuer, result.user.username));
      return render(
        reply,
        422,
        'Create your administrator',
        setupForm(deps, token, { username, email }, result.errors),
      );
    },
  );
}

function showGone({ issuer }: SetupPageDeps, reply: Reply): Reply {
  return render(reply, 410, message('setup.gone_title'), noLongerValid(issuer));
}

/** True with and without an administrator, so that a made-up link reveals neither. */
function noLongerValid(issuer: string): Html {
  return html`<p>${message('setup.gone')}</p>
<p>If you have an account already, <a href="${issuer}/login">sign in</a>.</p>
<p class="quiet">If there is no administrator yet, get a new link: <code>npx signet setup-link</code>. To create another one: <code>npx signet createsuperuser</code></p>`;
}

function setupDone(issuer: string, username: string): Html {
  return html`<p><strong>${username}</strong> is a superuser now. <a href="${issuer}/login">Sign in</a></p>
<p class="quiet">More users: <code>npx signet user create NAME</code></p>`;
}

function setupForm(
  deps: Pick<SetupPageDeps, 'passwordMinLength'>,
  token: string,
  typed: { username?: string; email?: string },
  errors: readonly FieldError[],
): Html {
  const errorsAt = (pointer: string) => errors.filter((one) => one.pointer === pointer).map(fieldText);
  // Focus is on the first field with an error, for keyboards and screen readers.
  const first = ['/username', '/email', '/password'].find((pointer) => errorsAt(pointer).length > 0) ?? '/username';
  return html`<p class="quiet">The first superuser of this server. The link works once.</p>
<form method="post" action="setup">
${field({ name: 'token', label: '', type: 'hidden', value: token })}
${field({ name: 'username', label: 'Username', type: 'text', autocomplete: 'username', value: typed.username ?? '', isRequired: true, errors: errorsAt('/username'), hasFocus: first === '/username' })}
${field({ name: 'email', label: 'E-mail', type: 'email', autocomplete: 'email', value: typed.email ?? '', hint: 'Optional.', errors: errorsAt('/email'), hasFocus: first === '/email' })}
${field({ name: 'password', label: 'Password', type: 'password', autocomplete: 'new-password', isRequired: true, hint: `At least ${deps.passwordMinLength} characters; a phrase is best.`, errors: errorsAt('/password'), hasFocus: first === '/password' })}
<button type="submit">Create administrator</button>
</form>`;
}
