import { listPermissions } from '../../permissions/index.ts';
import { languages, writeConstants } from '../codegen/write.ts';
import { Misuse, type RunOnDatabase } from '../command.ts';
import { oneOf, requireApi } from './options.ts';

export const apiConstants: RunOnDatabase = async (context, input) => {
  const language = oneOf(input, 'lang', languages);
  if (!language) throw new Misuse('--lang is missing');
  const em = context.db.fork();
  const api = await requireApi(context, em, input.positionals[0] as string);
  const permissions = (await listPermissions(em, api.id)).map(({ index, name }) => ({ index, name }));
  const catalogue = { audience: api.audience, version: api.catalogueVersion, hash: api.catalogueHash };
  const source = writeConstants({ ...catalogue, permissions }, language);
  return { data: { ...catalogue, lang: language, source }, text: source };
};
