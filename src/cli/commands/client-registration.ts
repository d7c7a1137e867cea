import { randomBytes } from 'node:crypto';
import { createInitialToken, listInitialTokens, revokeInitialToken } from '../../oauth/index.ts';
import { listApis } from '../../permissions/index.ts';
import { type Context, type Input, isSet, Misuse, type Output, optionText, type RunOnDatabase } from '../command.ts';
import { transaction } from '../context.ts';
import { findApis, wholeNumber } from './options.ts';
import { instant, rows, when } from './text.ts';

const DEFAULT_DAYS = 7;

export const clientRegistrationToken: RunOnDatabase = async (context, input) => {
  const revokedLabel = optionText(input, 'revoke');
  const isCreate = ['label', 'api', 'uses', 'days'].some((name) => input.options[name] !== undefined);
  if ([isCreate, isSet(input, 'list'), revokedLabel !== undefined].filter(Boolean).length > 1)
    throw new Misuse('Make one, list them, or revoke one');
  if (isSet(input, 'list')) return listTokens(context);
  if (revokedLabel === undefined) return createToken(context, input);
  await transaction(context, (tx) => revokeInitialToken(tx, context.audit(), revokedLabel));
  return {
    data: { label: revokedLabel, revoked: true },
    text: `Nobody registers with "${revokedLabel}" any more. The clients that did stay: npx signet client list`,
  };
};

async function createToken(context: Context, input: Input): Promise<Output> {
  const { secret, token } = await transaction(context, async (tx) =>
    createInitialToken(tx, context.audit(), {
      label: optionText(input, 'label') ?? `token ${randomBytes(4).toString('hex')}`,
      apis: await findApis(context, tx, input, 'api'),
      uses: wholeNumber(input, 'uses') ?? 1,
      days: wholeNumber(input, 'days') ?? DEFAULT_DAYS,
    }),
  );
  const isOff = context.config.registration === 'off';
  return {
    data: {
      registration_token: secret,
      label: token.label,
      uses_left: token.usesLeft,
      expires_at: instant(token.expiresAt),
    },
    text: [
      `registration_token  ${secret}`,
      `Shown this once. For ${token.usesLeft === 1 ? 'one client' : `${token.usesLeft} clients`}, until ${when(token.expiresAt)}; take it back: npx signet client registration-token --revoke '${token.label}'`,
      ...(isOff ? ['Here registration is off: a server takes the token when SIGNET_REGISTRATION=token.'] : []),
    ].join('\n'),
  };
}

async function listTokens(context: Context): Promise<Output> {
  const em = context.db.fork();
  const audiences = new Map((await listApis(em)).map((api) => [api.id, api.audience]));
  const tokens = (await listInitialTokens(em)).map((one) => ({
    label: one.label,
    apis: one.apiIds.flatMap((id) => audiences.get(id) ?? []).sort(),
    uses_left: one.usesLeft,
    created_at: instant(one.createdAt),
    expires_at: instant(one.expiresAt),
    is_good: one.usesLeft > 0 && one.expiresAt > context.clock.now(),
  }));
  const cells = tokens.map((one) => [
    one.label,
    one.apis.join(', '),
    String(one.uses_left),
    when(new Date(one.expires_at as string)),
    one.is_good ? 'good' : one.uses_left === 0 ? 'used up' : 'expired',
  ]);
  const text = rows(['LABEL', 'APIS', 'USES LEFT', 'UNTIL', 'STATE'], cells);
  return { data: { registration_tokens: tokens }, text: tokens.length === 0 ? 'There is none.' : text };
}
