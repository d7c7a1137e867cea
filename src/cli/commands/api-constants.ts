import { listPermissions } from '../../permissions/index.ts';
import { languages, writeConstants } from '../codegen/write.ts';
import type { DatabaseCommand } from '../command.ts';
import { usage } from '../parse.ts';
import { oneOf, requireApi } from './options.ts';

export const apiConstants: DatabaseCommand = {
  kind: 'database',
  name: 'api constants',
  summary: 'Print a source file with a constant for every permission of an API',
  usage: 'AUDIENCE --lang ts|python|go|java',
  options: { lang: { type: 'string' } },
  args: { min: 1, max: 1 },
  async run(context, input) {
    const language = oneOf(input, 'lang', languages);
    if (!language) throw usage(apiConstants, '--lang is missing');
    const em = context.db.fork();
    const api = await requireApi(context, em, input.positionals[0] as string);
    const permissions = (await listPermissions(em, api.id)).map(({ index, name }) => ({ index, name }));
    const catalogue = { audience: api.audience, version: api.catalogueVersion, hash: api.catalogueHash };
    const source = writeConstants({ ...catalogue, permissions }, language);
    return { data: { ...catalogue, lang: language, source }, text: source };
  },
};
